package dev

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Options are the flags of `grantkeeper dev`. The zero value with Out and Err set is the demo from the repository's root.
type Options struct {
	// Files is the folder of manifests of files mode; cluster mode when empty.
	Files string
	// Data is the folder that data is kept in; DefaultData when empty.
	Data string
	// Manifests is the folder that cluster mode applies; config/samples when empty.
	Manifests string
	// Listen is where the issuer listens, host:port on loopback; 127.0.0.1:9080 when empty.
	Listen string
	// Operations is where health and metrics are served; 127.0.0.1:9081 when empty.
	Operations string
	// Fresh forgets what is in Data first.
	Fresh bool
	// Assets is the folder with etcd, kube-apiserver and kubectl; KUBEBUILDER_ASSETS, or what hack/control-plane has
	// built, when empty.
	Assets string
	// Verbose shows the logs on Err too.
	Verbose bool
	// Out is for what people came for, Err for progress and problems.
	Out, Err io.Writer
}

// Defaults of the flags.
const (
	DefaultManifests  = "config/samples"
	DefaultListen     = "127.0.0.1:9080"
	DefaultOperations = "127.0.0.1:9081"
)

// DefaultData is where data is kept unless a flag says otherwise: ${XDG_DATA_HOME:-~/.local/share}/grantkeeper/dev.
func DefaultData() (string, error) {
	base := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(base) { // as the XDG specification has it: a relative path is to be ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("HOME is not set, so there is no default place for data; choose a folder with --data")
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "grantkeeper", "dev"), nil
}

// complete fills in defaults and makes paths absolute.
func (o Options) complete() (Options, error) {
	fill := func(into *string, value string) {
		if *into == "" {
			*into = value
		}
	}
	fill(&o.Listen, DefaultListen)
	fill(&o.Operations, DefaultOperations)
	fill(&o.Manifests, DefaultManifests)
	for flag, address := range map[string]string{"--listen": o.Listen, "--operations": o.Operations} {
		if err := checkLoopback(flag, address); err != nil {
			return o, err
		}
	}
	if o.Data == "" {
		data, err := DefaultData()
		if err != nil {
			return o, err
		}
		o.Data = data
		if o.Files != "" {
			o.Data, err = filesData(data, o.Files)
			if err != nil {
				return o, err
			}
		}
	}
	for _, p := range []*string{&o.Files, &o.Data, &o.Manifests, &o.Assets} {
		if *p == "" {
			continue
		}
		abs, err := filepath.Abs(*p)
		if err != nil {
			return o, err
		}
		*p = abs
	}
	return o, nil
}

// checkLoopback refuses addresses that other machines reach: the demo's issuer is plain http, and its account's password is
// on a terminal.
func checkLoopback(flag, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" || port == "0" {
		return fmt.Errorf("%s %q: want a host and a port, such as %s", flag, address, DefaultListen)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s %q: the demo speaks plain http and so listens on loopback only; use 127.0.0.1, [::1] or localhost", flag, address)
	}
	return nil
}

// issuer is the issuer identifier of a server that listens there.
func (o Options) issuer() string { return "http://" + o.Listen }

// findAssets is the folder with the control plane's binaries.
func (o Options) findAssets() (string, error) {
	if o.Assets != "" {
		return o.Assets, nil
	}
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err == nil {
		// hack/control-plane keeps one folder per version; names sort well enough to prefer the newest.
		found, _ := filepath.Glob(filepath.Join(cache, "grantkeeper", "kube", "*", "kube-apiserver"))
		if len(found) > 0 {
			return filepath.Dir(found[len(found)-1]), nil
		}
	}
	return "", errors.New("there is no etcd and kube-apiserver yet; run `make demo`, which builds them, or name a folder that has them with --assets")
}

// quote makes a word safe to paste into a POSIX shell.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-", r)
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
