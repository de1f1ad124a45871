package pipelines

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/grantkeeper/grantkeeper/config/argocd"
)

// Health is what Argo CD shows of an object.
type Health struct {
	// Status is Healthy, Progressing, Degraded or Suspended.
	Status  string
	Message string
}

// ArgoCD runs the health check as Argo CD does: in a Lua machine with the libraries base, table and string alone, the object in the
// global obj, and one second to answer.
func ArgoCD(ctx context.Context, u *unstructured.Unstructured) (Health, error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	l.SetContext(ctx)
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString,
	} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			return Health{}, err
		}
	}
	raw, err := u.MarshalJSON()
	if err != nil {
		return Health{}, err
	}
	var object any
	if err := json.Unmarshal(raw, &object); err != nil {
		return Health{}, err
	}
	l.SetGlobal("obj", value(l, object))
	if err := l.DoString(argocd.HealthLua); err != nil {
		return Health{}, err
	}
	table, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return Health{}, errors.New("the script returns no table")
	}
	h := Health{Status: lua.LVAsString(table.RawGetString("status")), Message: lua.LVAsString(table.RawGetString("message"))}
	switch h.Status {
	case "Healthy", "Progressing", "Degraded", "Suspended":
		return h, nil
	}
	return h, fmt.Errorf("no health that Argo CD has: %q", h.Status)
}

// value turns decoded JSON into Lua.
func value(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case string:
		return lua.LString(v)
	case float64:
		return lua.LNumber(v)
	case bool:
		return lua.LBool(v)
	case []any:
		t := l.CreateTable(len(v), 0)
		for _, e := range v {
			t.Append(value(l, e))
		}
		return t
	case map[string]any:
		t := l.CreateTable(0, len(v))
		for k, e := range v {
			t.RawSetString(k, value(l, e))
		}
		return t
	}
	return lua.LNil
}
