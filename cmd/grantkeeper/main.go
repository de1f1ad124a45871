// Command grantkeeper is Grantkeeper's command line. The commands are in the files beside this one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A terminal that is closed ends the demo like Ctrl-C does. A second Ctrl-C does not wait.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args, os.Stdout, os.Stderr))
}

// run runs a command line, whose first word is the program, and returns the exit status.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	c := rootCommand(args[0], out, errOut)
	c.SetArgs(args[1:])
	err := c.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(errOut, "error:", err)
	var status interface{ ExitStatus() int }
	if errors.As(err, &status) {
		return status.ExitStatus()
	}
	return 1
}
