package lb

// panics tells whether so few of the healthy instances are left that ejections are to be disregarded.
func panics(left, healthy int, threshold float64) bool {
	return float64(left) < threshold*float64(healthy)
}
