package registry

// Cause is why the registry itself changed how an instance is, for people who ask afterwards.
type Cause struct {
	Evidence string   `json:"evidence,omitempty"` // what was seen, in words
	SeenBy   []string `json:"seen_by,omitempty"`  // the nodes that saw it, by their labels
}
