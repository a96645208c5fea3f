//go:build race

package simulation

// usualMinutes are simulated where nobody says how many. With the race detector a night takes several times as long.
const usualMinutes = 10
