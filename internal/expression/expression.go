package expression

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
)

const (
	// MaxSource is how long an expression may be, in bytes.
	MaxSource = 4 << 10
	// MaxCost is what one evaluation may cost, in CEL's units: some ten thousand comparisons of short strings.
	MaxCost = 500_000
	// MaxUsersCost is that of a users expression, which is asked at every refresh, where others wait for it: a few milliseconds at most.
	MaxUsersCost = 10_000
	// MaxNesting is how deep map, filter, exists and their like may be nested.
	MaxNesting = 3

	// interruptEvery is how many steps of a comprehension go by between two looks at the context.
	interruptEvery = 100
	maxShown       = 3
)

var (
	// ErrMissing is an expression that reads what is not there: a claim that the provider did not send.
	ErrMissing = errors.New("the expression reads what is not there")
	// ErrCost is an evaluation that was stopped because it cost too much.
	ErrCost = errors.New("the expression costs too much")
)

// Type is what an expression yields.
type Type int

// The types.
const (
	String Type = iota
	Bool
	// Strings is a list of strings.
	Strings
)

// String names the type as CEL does.
func (t Type) String() string { return t.cel().String() }

func (t Type) cel() *cel.Type {
	switch t {
	case Bool:
		return cel.BoolType
	case Strings:
		return cel.ListType(cel.StringType)
	default:
		return cel.StringType
	}
}

// User is the variable user.
type User struct {
	Username      string   `cel:"username"`
	Name          string   `cel:"name"`
	Email         string   `cel:"email"`
	EmailVerified bool     `cel:"emailVerified"`
	Groups        []string `cel:"groups"`
}

// Input is what an expression is evaluated over.
type Input struct {
	// Claims hold what encoding/json makes of JSON, or lists of strings.
	Claims map[string]any
	User   User
}

// Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	program cel.Program
	want    Type
}

// environment is the language, with claims and user.
func environment() (*cel.Env, error) {
	return newEnvironment(cel.Variable("claims", cel.MapType(cel.StringType, cel.DynType)))
}

// usersEnvironment is the language with user alone.
func usersEnvironment() (*cel.Env, error) { return newEnvironment() }

func newEnvironment(more ...cel.EnvOption) (*cel.Env, error) {
	env, err := cel.NewEnv(append(more,
		cel.Variable("user", cel.ObjectType("expression.User")),
		ext.Strings(ext.StringsVersion(5)), ext.Lists(ext.ListsVersion(3), ext.ListsMaxRangeSize(1000)), ext.Sets(), cel.OptionalTypes(),
		// After everything that registers types of its own.
		ext.NativeTypes(reflect.TypeFor[User](), ext.ParseStructTags(true)),
		cel.ParserRecursionLimit(64),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(MaxNesting)),
	)...)
	if err != nil {
		return nil, fmt.Errorf("the expression language: %w", err)
	}
	return env, nil
}

// Compile checks an expression and prepares it. Its errors are for the person who wrote it: what is wrong, and where.
func Compile(source string, want Type) (*Program, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	return compile(env, source, want, MaxCost)
}

func compile(env *cel.Env, source string, want Type, cost uint64) (*Program, error) {
	if strings.TrimSpace(source) == "" {
		return nil, errors.New("the expression is empty")
	}
	if len(source) > MaxSource {
		return nil, fmt.Errorf("the expression must have at most %d bytes, not %d", MaxSource, len(source))
	}
	ast, issues := env.Compile(source)
	if err := explain(issues); err != nil {
		return nil, err
	}
	if got := ast.OutputType(); !yields(got, want) {
		return nil, fmt.Errorf("the expression yields %s, and must yield %s", got, want)
	}
	program, err := env.Program(ast, cel.CostLimit(cost), cel.InterruptCheckFrequency(interruptEvery), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("the expression cannot be prepared: %w", err)
	}
	return &Program{program, want}, nil
}

// yields reports whether a result of type got may turn out to be of the wanted one: claims are of any type until they are seen.
func yields(got *cel.Type, want Type) bool {
	if got.IsExactType(cel.DynType) || want.cel().IsExactType(got) {
		return true
	}
	if want != Strings || got.Kind() != cel.ListKind {
		return false
	}
	of := got.Parameters()[0]
	return of.IsExactType(cel.DynType) || of.Kind() == cel.TypeParamKind
}

// explain turns the findings of the compiler into one error: line, column and what is wrong.
func explain(issues *cel.Issues) error {
	if issues.Err() == nil {
		return nil
	}
	var lines []string
	for _, e := range issues.Errors() {
		if len(lines) == maxShown {
			lines = append(lines, "and more")
			break
		}
		message, _, _ := strings.Cut(e.Message, "\n")
		message = strings.TrimSuffix(message, " (in container '')")
		lines = append(lines, fmt.Sprintf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, message))
	}
	return errors.New(strings.Join(lines, "; "))
}

// evaluate runs the expression.
func (p *Program) evaluate(ctx context.Context, in Input) (ref.Val, error) {
	claims := in.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	if in.User.Groups == nil {
		in.User.Groups = []string{}
	}
	value, _, err := p.program.ContextEval(ctx, map[string]any{"claims": claims, "user": in.User})
	switch {
	case err == nil:
		return value, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case strings.Contains(err.Error(), "no such key"), strings.Contains(err.Error(), "index out of bounds"):
		return nil, fmt.Errorf("%w: %w", ErrMissing, err)
	case strings.Contains(err.Error(), "cost limit exceeded"):
		return nil, ErrCost
	default:
		return nil, fmt.Errorf("the expression failed: %w", err)
	}
}

// String evaluates an expression that yields a string. Errors: ErrMissing, ErrCost, the context's, or why it failed.
func (p *Program) String(ctx context.Context, in Input) (string, error) {
	return result[string](ctx, p, in)
}

// Bool evaluates an expression that yields true or false. Errors as for String.
func (p *Program) Bool(ctx context.Context, in Input) (bool, error) { return result[bool](ctx, p, in) }

// Strings evaluates an expression that yields a list of strings. Errors as for String.
func (p *Program) Strings(ctx context.Context, in Input) ([]string, error) {
	return result[[]string](ctx, p, in)
}

func result[T any](ctx context.Context, p *Program, in Input) (T, error) {
	var none T
	value, err := p.evaluate(ctx, in)
	if err != nil {
		return none, err
	}
	native, err := value.ConvertToNative(reflect.TypeFor[T]())
	if err != nil {
		return none, fmt.Errorf("the expression yielded %s, not %s", value.Type().TypeName(), p.want)
	}
	typed, ok := native.(T)
	if !ok {
		return none, fmt.Errorf("the expression yielded %s, not %s", value.Type().TypeName(), p.want)
	}
	return typed, nil
}
