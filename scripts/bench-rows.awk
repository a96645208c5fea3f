# The figures of benchmarks as rows of Markdown: the least of all repetitions, on one goroutine / on two, a column for each last
# part of a name. unit is which figure: ns/op, the time that passes, or cpu-ns/op, where a benchmark reports processor time.
#
#   go -C bench test -run '^$' -bench . -cpu 1,2 -count 5 ./balancers | awk -f scripts/bench-rows.awk -v unit=cpu-ns/op
BEGIN { if (unit == "") unit = "ns/op" }

$1 ~ /^Benchmark.*\// && $2 + 0 > 0 {
	name = $1
	sub(/^Benchmark/, "", name)
	on = sub(/-2$/, "", name) ? 2 : 1
	column = row = name
	sub(/.*\//, "", column)
	sub(/\/[^\/]*$/, "", row)
	sub(/^[^\/]*\//, "", row) # the benchmark, where more is left to tell the rows apart
	if (!(row in seenRow)) { seenRow[row]; rows[++nRows] = row }
	if (!(column in seenColumn)) { seenColumn[column]; columns[++nColumns] = column }
	for (i = 3; i < NF; i++)
		if ($(i + 1) == unit && (!((row, column, on) in least) || $i < least[row, column, on])) least[row, column, on] = $i + 0
}

function rounded(row, column, on) { return (row, column, on) in least ? sprintf("%.0f", least[row, column, on]) : "-" }

END {
	printf "|"; for (c = 1; c <= nColumns; c++) printf " | %s", columns[c]; print " |"
	printf "| ---"; for (c = 1; c <= nColumns; c++) printf " | ---"; print " |"
	for (r = 1; r <= nRows; r++) {
		printf "| %s", rows[r]
		for (c = 1; c <= nColumns; c++) printf " | %s / %s", rounded(rows[r], columns[c], 1), rounded(rows[r], columns[c], 2)
		print " |"
	}
}
