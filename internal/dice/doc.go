// Package dice gives tests random choices that can be made again, and lets the environment say how many.
//
// It owns the reading of MUSTER_SEED and its like alone; no package of the product imports it.
package dice
