package registry

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/go-bexpr/grammar"
)

// filterScope knows the names that an expression may use at one place, and of which type they are. It finds when a filter
// is compiled what go-bexpr would find only when it evaluates, and then only if it came to that part of the expression.
type filterScope struct {
	root   reflect.Type            // whose fields are names
	locals map[string]reflect.Type // the names that an enclosing any or all gives
}

func instanceScope() filterScope { return filterScope{root: reflect.TypeFor[Instance]()} }

func (s filterScope) check(e any) error {
	switch e := e.(type) {
	case *grammar.UnaryExpression:
		return s.check(e.Operand)
	case *grammar.BinaryExpression:
		if err := s.check(e.Left); err != nil {
			return err
		}
		return s.check(e.Right)
	case *grammar.CollectionExpression:
		return s.checkCollection(e)
	case *grammar.MatchExpression:
		return s.checkMatch(e)
	default:
		return fmt.Errorf("an expression of kind %T is not supported", e)
	}
}

func (s filterScope) checkCollection(e *grammar.CollectionExpression) error {
	t, err := s.resolve(e.Selector.Path)
	if err != nil {
		return err
	}
	inner := filterScope{root: s.root, locals: map[string]reflect.Type{}}
	maps.Copy(inner.locals, s.locals)
	bind := e.NameBinding
	switch t.Kind() {
	case reflect.Slice:
		inner.bind(bind.Default, t.Elem())
		inner.bind(bind.Index, reflect.TypeFor[int]())
	case reflect.Map:
		inner.bind(bind.Default, t.Key())
		inner.bind(bind.Index, t.Key())
	default:
		return fmt.Errorf("%s is not a list or a map", e.Selector)
	}
	inner.bind(bind.Value, t.Elem())
	if bind.Index != "" && bind.Index == bind.Value {
		return fmt.Errorf("%q cannot be both the index and the value of %s", bind.Index, e.Selector)
	}
	return inner.check(e.Inner)
}

func (s filterScope) bind(name string, t reflect.Type) {
	if name != "" {
		s.locals[name] = t
	}
}

// checkMatch tells whether the operator works on the type of the field and the value can be read as one of it.
func (s filterScope) checkMatch(e *grammar.MatchExpression) error {
	t, err := s.resolve(e.Selector.Path)
	if err != nil {
		return err
	}
	kind := t.Kind()
	ok := false
	switch e.Operator {
	case grammar.MatchEqual, grammar.MatchNotEqual:
		if err := checkLiteral(kind, e.Value.Raw); err != nil {
			return fmt.Errorf("%s %w", e.Selector, err)
		}
		ok = kind == reflect.String || kind == reflect.Bool || kind == reflect.Int || kind == reflect.Uint64
	case grammar.MatchIn, grammar.MatchNotIn, grammar.MatchContains, grammar.MatchNotContains:
		ok = kind == reflect.String || kind == reflect.Map || kind == reflect.Slice && t.Elem().Kind() == reflect.String
	case grammar.MatchMatches, grammar.MatchNotMatches:
		if _, err := regexp.Compile(e.Value.Raw); err != nil {
			return err
		}
		ok = kind == reflect.String
	case grammar.MatchIsEmpty, grammar.MatchIsNotEmpty:
		ok = kind == reflect.String || kind == reflect.Map || kind == reflect.Slice
	case grammar.MatchIsNil, grammar.MatchIsNotNil:
		ok = kind == reflect.Map || kind == reflect.Slice || kind == reflect.Pointer
	}
	if !ok {
		return fmt.Errorf("%q does not work on %s, which is %s", strings.ToLower(e.Operator.String()), e.Selector, describe(t))
	}
	return nil
}

func checkLiteral(kind reflect.Kind, raw string) error {
	var err error
	switch kind {
	case reflect.Bool:
		_, err = strconv.ParseBool(raw)
	case reflect.Int:
		_, err = strconv.ParseInt(raw, 0, 64)
	case reflect.Uint64:
		_, err = strconv.ParseUint(raw, 0, 64)
	}
	if err != nil {
		return fmt.Errorf("is %s, and %q is none", describeKind(kind), raw)
	}
	return nil
}
