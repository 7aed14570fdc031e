package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	cri "k8s.io/cri-client/pkg"
	"k8s.io/utils/exec"
)

// ExecSync implements cri.RuntimeService. There is no shell and no file system, but the few commands that probes and
// hooks need:
//
//	true, false, sleep SECONDS, echo WORDS
//	healthy                 fails while the annotation fail-health is "true"
//	sh -c "A; B && C"       one after the other; after && only when all before succeeded
func (r *loopbackRuntime) ExecSync(ctx context.Context, id string, command []string, timeout time.Duration) ([]byte, []byte, error) {
	r.mu.Lock()
	c, ok := r.containers[id]
	r.mu.Unlock()
	if !ok || c.process == nil {
		return nil, nil, notFound("running container", id)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(c.process.alive, stop)()
	if timeout > 0 {
		var release context.CancelFunc
		ctx, release = context.WithTimeout(ctx, timeout)
		defer release()
	}
	output, code := c.process.exec(ctx, command)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return output, nil, fmt.Errorf("%w: %q", cri.ErrCommandTimedOut, strings.Join(command, " "))
	case code != exitOK:
		err := fmt.Errorf("command %q exited with %d", strings.Join(command, " "), code)
		return output, nil, exec.CodeExitError{Err: err, Code: code}
	}
	return output, nil, nil
}

// exec runs a command and returns its output and exit code.
func (p *process) exec(ctx context.Context, command []string) ([]byte, int) {
	if len(command) == 0 {
		return nil, exitMissing
	}
	name, arguments := command[0][strings.LastIndex(command[0], "/")+1:], command[1:]
	switch name {
	case "true":
		return nil, exitOK
	case "false":
		return nil, exitError
	case "healthy":
		if p.pod.behaviour().isHealthy() {
			return nil, exitOK
		}
		return []byte("fails as annotated\n"), exitError
	case "echo":
		return []byte(strings.Join(arguments, " ") + "\n"), exitOK
	case "sleep":
		return nil, sleep(ctx, arguments)
	case "sh", "bash":
		if len(arguments) == 2 && arguments[0] == "-c" {
			return p.script(ctx, arguments[1])
		}
	}
	return []byte(name + ": not found\n"), exitMissing
}

// script runs the commands of a line. Quoting is not known.
func (p *process) script(ctx context.Context, line string) ([]byte, int) {
	var output []byte
	code := exitOK
	for _, sequence := range strings.Split(line, ";") {
		for _, command := range strings.Split(sequence, "&&") {
			words := strings.Fields(command)
			if len(words) == 0 {
				continue
			}
			var printed []byte
			printed, code = p.exec(ctx, words)
			output = append(output, printed...)
			if code != exitOK {
				break
			}
		}
	}
	return output, code
}

func sleep(ctx context.Context, arguments []string) int {
	if len(arguments) != 1 {
		return exitError
	}
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(arguments[0], "s"), 64)
	if err != nil || seconds < 0 {
		return exitError
	}
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
		return exitOK
	case <-ctx.Done():
		return exitKilled
	}
}
