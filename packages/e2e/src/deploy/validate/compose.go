package main

import (
	"context"
	"fmt"

	"github.com/compose-spec/compose-go/v2/cli"
)

// checkCompose loads a file with the library of docker compose: schema, interpolation, references between services.
func checkCompose(path string) (int, error) {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithName("event-collector"), cli.WithProfiles([]string{"*"}))
	if err != nil {
		return 0, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return 0, err
	}
	for _, name := range project.ServiceNames() {
		fmt.Printf("service %s\n", name)
	}
	return len(project.Services), nil
}
