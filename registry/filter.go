package registry

import (
	"reflect"
	"sync"

	"github.com/hashicorp/go-bexpr"
	"github.com/hashicorp/go-bexpr/grammar"
)

// maxFilterSteps bounds the work of parsing an expression, which grows exponentially with the depth of its parentheses:
// five within each other are allowed, and 200 terms in a row.
const maxFilterSteps = 200_000

// Filter is a compiled expression over the fields of an instance, in the language of hashicorp/go-bexpr:
//
//	zone == "eu-1a" and "v2" in tags and metadata.version matches "^2\\."
//	lease is nil or any checks as c { c.status == "unhealthy" and c.interval == "10s" }
//
// The fields have their names in JSON. Durations compare as strings, in the form that [Duration.String] gives them. A key
// that the metadata lacks equals nothing, and so do the fields of a lease that is not there. A Filter is safe for any
// number of goroutines, but one that many use at once is slower for each.
type Filter struct {
	mu        sync.Mutex // go-bexpr keeps the regular expressions that it compiles on the way, unguarded
	evaluator *bexpr.Evaluator
}

// CompileFilter compiles an expression. The error is an [InvalidError] of the field "filter": for bad syntax, for a
// field that instances do not have, and for a comparison that could never be made.
func CompileFilter(expression string) (*Filter, error) {
	if n := len(expression); n > MaxFilterBytes {
		return nil, tooLong("filter", n, MaxFilterBytes)
	}
	if err := checkFilter(expression); err != nil {
		return nil, invalid("filter", "%v", err)
	}
	evaluator, err := bexpr.CreateEvaluator(expression,
		bexpr.WithMaxExpressions(maxFilterSteps), bexpr.WithHookFn(filterValue))
	if err != nil {
		return nil, invalid("filter", "%v", err)
	}
	return &Filter{evaluator: evaluator}, nil
}

// checkFilter parses the expression once more than go-bexpr does, which shows nobody what it parsed.
func checkFilter(expression string) error {
	parsed, err := grammar.Parse("", []byte(expression), grammar.MaxExpressions(maxFilterSteps))
	if err != nil {
		return err
	}
	return instanceScope().check(parsed)
}

// String returns the expression.
func (f *Filter) String() string { return f.evaluator.Expression() }

// Match tells whether the expression is true of i. One that makes no sense for this very instance, such as one about a
// second check where there is only one, is not.
func (f *Filter) Match(i *Instance) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	matches, err := f.evaluator.Evaluate(i)
	return err == nil && matches
}

// filterValue shows go-bexpr a value as a filter is to see it: a duration as its string, and a lease that is not there as
// an empty map, of which a missing key is an answer and no error.
func filterValue(v reflect.Value) reflect.Value {
	switch v.Type() {
	case reflect.TypeFor[Duration]():
		return reflect.ValueOf(Duration(v.Int()).String())
	case reflect.TypeFor[*Lease]():
		if v.IsNil() {
			return reflect.ValueOf(map[string]string(nil))
		}
	}
	return v
}
