package architecture

import "testing"

func TestFloorsCatchAnImportThatDoesNotLeadDown(t *testing.T) {
	table := map[string]int{"ground": 0, "ground2": 0, "middle": 1, "roof": 2, "test/...": 3}
	const imports = `import _ "github.com/musterhq/muster/`
	files := []file{
		source(t, "middle/down.go", "package middle", imports+`ground"`),
		source(t, "roof/down.go", "package roof", imports+`ground"`, imports+`middle"`, `import "fmt"`),
		source(t, "middle/up.go", "package middle", imports+`roof"`),
		source(t, "middle/upagain.go", "package middle", imports+`roof"`),
		source(t, "ground/beside.go", "package ground", imports+`ground2"`),
		source(t, "ground/up_test.go", "package ground_test", imports+`roof"`),
		source(t, "test/story/story_test.go", "package story", imports+`roof"`),
		source(t, "roof/test.go", "package roof", imports+`test/story"`),
		source(t, "attic/attic.go", "package attic"),
	}
	expect(t, offFloor(files, table),
		"attic has no floor: give it a row in test/architecture/floors.go",
		"ground/beside.go: ground (floor 0) imports ground2 (floor 0): a package imports only from floors below its own",
		"middle/up.go: middle (floor 1) imports roof (floor 2): a package imports only from floors below its own",
		"roof/test.go: roof (floor 2) imports test/story (floor 3): a package imports only from floors below its own",
	)
}
