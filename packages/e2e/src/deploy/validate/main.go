// Validates what a cluster or a container engine would be given, without one:
//
//	validate kubernetes <overlay>…   builds each overlay and checks its objects
//	validate compose <file>…         loads each file as `docker compose config` does, with all profiles
//
// It prints what it checked, a line an object, and exits 1 if anything is wrong.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 3 {
		fail("usage: validate kubernetes|compose <path>…")
	}
	check := map[string]func(string) (int, error){"kubernetes": checkOverlay, "compose": checkCompose}[os.Args[1]]
	if check == nil {
		fail("unknown: " + os.Args[1])
	}
	for _, path := range os.Args[2:] {
		count, err := check(path)
		if err != nil {
			fail(fmt.Sprintf("%s: %v", path, err))
		}
		fmt.Printf("%s: %d checked\n", path, count)
	}
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
