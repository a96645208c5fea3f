// Package pause lets time pass, for as long as it is wanted.
package pause
