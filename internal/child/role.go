package child

import (
	"encoding/json"
	"fmt"
	"os"
)

// roleVariable names the role of a child in its environment.
const roleVariable = "MUSTER_TEST_ROLE"

// A Role is what a child does from its beginning to its end. It reads what the test tells it and says what the test is to
// hear; the end of in is the wish that it end, and the end of the test.
type Role func(in *json.Decoder, out *json.Encoder) error

// Play plays the role that this process was started in, and tells whether there was one. TestMain calls it first, and
// returns where it was a child. A role that fails panics: the process ends with its error, and not well.
func Play(roles map[string]Role) (played bool) {
	name, ok := os.LookupEnv(roleVariable)
	if !ok {
		return false
	}
	role, ok := roles[name]
	if !ok {
		panic(fmt.Sprintf("there is no role %q", name))
	}
	if err := role(json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)); err != nil {
		panic(fmt.Sprintf("the %s: %v", name, err))
	}
	return true
}
