//go:build !race

package simulation

// usualMinutes are simulated where nobody says how many.
const usualMinutes = 5 * 60
