package ldap

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
	"github.com/grantkeeper/grantkeeper/server/internal/idp/idptest"
	directory "github.com/grantkeeper/grantkeeper/test/ldap"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func always() bool { return true }

func declared(s *directory.Server) *registration.LDAPProvider {
	return &registration.LDAPProvider{
		URL: s.TLSURL, CABundle: s.CA, BindDN: directory.Service, BindPassword: directory.ServicePassword,
		Users:  registration.LDAPUsers{BaseDN: directory.People, Filter: "(|(uid={username})(mail={username}))", Subject: "entryUUID", Username: "uid", Name: "cn", Email: "mail"},
		Groups: &registration.LDAPGroups{BaseDN: directory.Groups, Filter: "(member={dn})", Name: "cn"},
	}
}

func document(d *registration.LDAPProvider) registration.IdentityProvider {
	return registration.IdentityProvider{Namespace: "oauth", Name: "corp", UID: "uid", DisplayName: "Corp", LDAP: d}
}

func provider(t *testing.T, d *registration.LDAPProvider) *Provider {
	t.Helper()
	doc := document(d)
	p, ok := Factory(Options{Loopback: always})(&doc)
	if !ok {
		t.Fatal("the factory does not know a directory")
	}
	return p.Password.(*Provider)
}

const adaPassword = "Analytical Engine"

// people fills a directory: Ada in two groups, Grace, Mallory who is disabled.
func people(t *testing.T) (s *directory.Server, ada string) {
	t.Helper()
	s = directory.Start(t)
	ada = s.Person(t, "Ada", adaPassword, "cn", "Ada Lovelace", "givenName", "Ada", "mail", "ada@example.com")
	grace := s.Person(t, "grace", "nanosecond", "mail", "grace@example.com")
	mallory := s.Person(t, "mallory", "let me in")
	s.Set(t, mallory, "pwdAccountLockedTime", lockedForGood)
	s.Group(t, "staff", ada, grace, mallory)
	s.Group(t, "engine (beta)", ada)
	return s, ada
}

func TestSuite(t *testing.T) {
	s, ada := people(t)
	p := provider(t, declared(s))
	signIn := func(t *testing.T) idp.Identity {
		i, err := p.Authenticate(t.Context(), "ada", adaPassword)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	want := idp.Identity{Subject: signIn(t).Subject, Username: "Ada", Name: "Ada", Email: "ada@example.com", Groups: []string{"engine (beta)", "staff"},
		Profile: registration.Profile{GivenName: "Ada", FamilyName: "Ada"}, Methods: []string{"pwd"}}
	if len(want.Subject) != 36 {
		t.Fatalf("subject %q is no UUID", want.Subject)
	}
	want.Name = signIn(t).Name // cn has two values, in no order
	t.Run("password", func(t *testing.T) {
		idptest.Password(t, idptest.Fixture{
			Provider: p, Username: "Ada", Password: adaPassword, Want: want, OtherUsername: "grace", OtherPassword: "nanosecond",
			DisabledUsername: "mallory", DisabledPassword: "let me in",
		})
	})
	t.Run("refresh", idptest.Refresh{
		Provider: p, Now: start(), SignIn: signIn, Down: s.Down,
		RemoveGroup: func(t *testing.T, g string) { s.Set(t, "cn="+g+","+directory.Groups, "member", directory.Service) },
		Lock:        func(t *testing.T) { s.Set(t, ada, "pwdAccountLockedTime", "20260101000000Z") },
		Unlock:      func(t *testing.T) { s.Set(t, ada, "pwdAccountLockedTime") },
	}.Run)
	t.Run("rules", idptest.Rules{
		Factory: Factory(Options{Loopback: always}), Declared: document(declared(s)), Now: start(), Username: `claims.uid[0]`,
		SignIn: func(t *testing.T, p idp.Provider) (idp.Identity, error) {
			return p.Password.Authenticate(t.Context(), "ada", adaPassword)
		},
	}.Run)
}

func TestAnotherKind(t *testing.T) {
	if _, ok := Factory(Options{})(&registration.IdentityProvider{Name: "corp"}); ok {
		t.Error("took a declaration of another kind")
	}
}

func TestUsernames(t *testing.T) {
	s, _ := people(t)
	s.Person(t, "twin", "twin password", "mail", "shared@example.com")
	s.Person(t, "other twin", "twin password", "mail", "shared@example.com")
	s.Person(t, "star*", "star password")
	s.Person(t, `back\slash`, "back password")
	s.Person(t, "O'Brien, (Pat)", "pat password")
	p := provider(t, declared(s))
	for name, c := range map[string]struct {
		username, password string
		want               string // empty: refused
	}{
		"by its address":                                   {"ADA@example.com", adaPassword, "Ada"},
		"a star that is part of the name":                  {"star*", "star password", "star*"},
		"a backslash that is part of the name":             {`back\slash`, "back password", `back\slash`},
		"commas and parentheses that are part of the name": {"O'Brien, (Pat)", "pat password", "O'Brien, (Pat)"},
		"A33 a filter that matches everybody":              {"*)(uid=*", adaPassword, ""},
		"A33 a filter that adds an alternative":            {"nobody)(uid=ada", adaPassword, ""},
		"A33 a filter that ends the filter":                {"ada))(|(uid=ada", adaPassword, ""},
		"A33 a prefix and a star":                          {"ad*", adaPassword, ""},
		"A33 an escaped star":                              {`ad\2a`, adaPassword, ""},
		"A33 more than one entry":                          {"shared@example.com", "twin password", ""},
		"A33 an empty password":                            {"ada", "", ""},
		"A33 a password of a NUL":                          {"ada", "\x00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.Authenticate(t.Context(), c.username, c.password)
			if c.want == "" && !errors.Is(err, idp.ErrRefused) || c.want != "" && err != nil || got.Username != c.want {
				t.Errorf("%q, error %v", got.Username, err)
			}
		})
	}
	t.Run("A34 guesses are counted by account, whichever of its names is typed", func(t *testing.T) {
		subject, err := p.Resolve(t.Context(), "ada")
		if err != nil || subject == "" {
			t.Fatalf("%q, error %v", subject, err)
		}
		for _, username := range []string{"ADA", " ada ", "ada@example.com", "Ada@Example.COM"} {
			if got, err := p.Resolve(t.Context(), username); err != nil || got != subject {
				t.Errorf("%s: %q, error %v", username, got, err)
			}
		}
		for _, username := range []string{"nobody", "", "a*", "shared@example.com", "a\x00"} {
			if got, err := p.Resolve(t.Context(), username); err != nil || got != "" {
				t.Errorf("%s: %q, error %v", username, got, err)
			}
		}
	})
}

func TestDisabled(t *testing.T) {
	s, ada := people(t)
	p := provider(t, declared(s))
	i, err := p.Authenticate(t.Context(), "ada", adaPassword)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		attribute, value string
		refused          bool
	}{
		"OpenLDAP, by an administrator":          {"pwdAccountLockedTime", lockedForGood, true},
		"Active Directory, disabled":             {"userAccountControl", "514", true},
		"Active Directory, a normal account":     {"userAccountControl", "512", false},
		"389 Directory Server, disabled":         {"nsAccountLock", "TRUE", true},
		"389 Directory Server, a normal account": {"nsAccountLock", "false", false},
	} {
		t.Run("D11 "+name, func(t *testing.T) {
			s.Set(t, ada, c.attribute, c.value)
			defer s.Set(t, ada, c.attribute)
			if _, err := p.Authenticate(t.Context(), "ada", adaPassword); c.refused != errors.Is(err, idp.ErrRefused) || !c.refused && err != nil {
				t.Errorf("sign-in: error %v", err)
			}
			if _, err := p.Refresh(t.Context(), i.Subject, nil, start()); c.refused != errors.Is(err, idp.ErrRefused) || !c.refused && err != nil {
				t.Errorf("refresh: error %v", err)
			}
		})
	}
	t.Run("D11 an account that was moved out of the filter", func(t *testing.T) {
		d := declared(s)
		d.Users.Filter = "(&(|(uid={username})(mail={username}))(employeeType=staff))"
		p := provider(t, d)
		if _, err := p.Authenticate(t.Context(), "ada", adaPassword); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("sign-in: error %v", err)
		}
		if _, err := p.Refresh(t.Context(), i.Subject, nil, start()); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("refresh: error %v", err)
		}
		s.Set(t, ada, "employeeType", "staff")
		if _, err := p.Refresh(t.Context(), i.Subject, nil, start()); err != nil {
			t.Errorf("refresh: error %v", err)
		}
	})
	t.Run("D11 an account that is gone", func(t *testing.T) {
		s.Delete(t, ada)
		if _, err := p.Refresh(t.Context(), i.Subject, nil, start()); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("error %v", err)
		}
		s.Person(t, "Ada", adaPassword)
		if again, err := p.Authenticate(t.Context(), "ada", adaPassword); err != nil || again.Subject == i.Subject {
			t.Errorf("a new account of the same name has the subject %q, error %v", again.Subject, err)
		}
	})
}

func TestConnections(t *testing.T) {
	s, _ := people(t)
	for name, c := range map[string]struct {
		change func(*registration.LDAPProvider)
		ok     bool
	}{
		"TLS":                              {func(*registration.LDAPProvider) {}, true},
		"StartTLS":                         {func(d *registration.LDAPProvider) { d.URL, d.StartTLS = s.URL, true }, true},
		"nothing, on loopback":             {func(d *registration.LDAPProvider) { d.URL, d.CABundle = s.URL, "" }, true},
		"TLS by name":                      {func(d *registration.LDAPProvider) { d.URL = strings.Replace(d.URL, "127.0.0.1", "localhost", 1) }, true},
		"K14 TLS with a CA of nobody's":    {func(d *registration.LDAPProvider) { d.CABundle = "" }, false},
		"K14 StartTLS, a CA of nobody's":   {func(d *registration.LDAPProvider) { d.URL, d.StartTLS, d.CABundle = s.URL, true, "" }, false},
		"a CA that is none":                {func(d *registration.LDAPProvider) { d.CABundle = "x" }, false},
		"a service password that is wrong": {func(d *registration.LDAPProvider) { d.BindPassword = "x" }, false},
		"a service account without rights": {func(d *registration.LDAPProvider) {
			d.BindDN, d.BindPassword = "uid=grace,"+directory.People, "nanosecond"
		}, false},
		"users where none are":      {func(d *registration.LDAPProvider) { d.Users.BaseDN = "dc=elsewhere" }, false},
		"groups where none are":     {func(d *registration.LDAPProvider) { d.Groups.BaseDN = "ou=none," + directory.Suffix }, false},
		"a filter that is none":     {func(d *registration.LDAPProvider) { d.Users.Filter = "(uid={username}" }, false},
		"a subject that nobody has": {func(d *registration.LDAPProvider) { d.Users.Subject = "employeeNumber" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := declared(s)
			c.change(d)
			got, err := provider(t, d).Authenticate(t.Context(), "ada", adaPassword)
			if c.ok && err != nil || !c.ok && (err == nil || errors.Is(err, idp.ErrRefused)) && name != "a service account without rights" {
				t.Errorf("%+v, error %v", got, err)
			}
			if err != nil && (strings.Contains(err.Error(), adaPassword) || strings.Contains(err.Error(), directory.ServicePassword)) {
				t.Errorf("a password in the error: %v", err)
			}
		})
	}
	t.Run("K14 a directory on loopback in production", func(t *testing.T) {
		doc := document(declared(s))
		p, _ := Factory(Options{})(&doc)
		if _, err := p.Password.Authenticate(t.Context(), "ada", adaPassword); err == nil || errors.Is(err, idp.ErrRefused) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("without groups", func(t *testing.T) {
		d := declared(s)
		d.Groups = nil
		if got, err := provider(t, d).Authenticate(t.Context(), "ada", adaPassword); err != nil || got.Groups != nil {
			t.Errorf("%q, error %v", got.Groups, err)
		}
	})
	t.Run("groups by username", func(t *testing.T) {
		s.Set(t, "cn=staff,"+directory.Groups, "description", "Ada")
		d := declared(s)
		d.Groups.Filter = "(description={username})"
		if got, err := provider(t, d).Authenticate(t.Context(), "ada", adaPassword); err != nil || !slices.Equal(got.Groups, []string{"staff"}) {
			t.Errorf("%q, error %v", got.Groups, err)
		}
	})
	t.Run("fault 28 a directory that says nothing holds nobody up", func(t *testing.T) {
		up := s.Hang(t)
		defer up()
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := provider(t, declared(s)).Authenticate(ctx, "ada", adaPassword); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a server that closes at once", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_ = c.Close()
			}
		}()
		for _, scheme := range []string{"ldap://", "ldaps://"} {
			d := declared(s)
			d.URL = scheme + l.Addr().String()
			if _, err := provider(t, d).Authenticate(t.Context(), "ada", adaPassword); err == nil || errors.Is(err, idp.ErrRefused) {
				t.Errorf("%s: error %v", scheme, err)
			}
		}
	})
}

func TestBinarySubject(t *testing.T) {
	s, ada := people(t)
	guid := "\x00*()\\\xff\xfe\x80123456789"
	s.Set(t, ada, "objectGUID", guid)
	d := declared(s)
	d.Users.Subject = "objectGUID"
	p := provider(t, d)
	got, err := p.Authenticate(t.Context(), "ada", adaPassword)
	if err != nil || got.Subject != hex.EncodeToString([]byte(guid)) {
		t.Fatalf("%q, error %v", got.Subject, err)
	}
	again, err := p.Refresh(t.Context(), got.Subject, nil, start())
	if diff := cmp.Diff(got, again, cmpopts.IgnoreFields(idp.Identity{}, "Methods")); err != nil || diff != "" {
		t.Errorf("error %v\n%s", err, diff)
	}
	for _, subject := range []string{"", "zz", got.Subject[:30], "*", "00)(uid=*"} {
		if _, err := p.Refresh(t.Context(), subject, nil, start()); !errors.Is(err, idp.ErrRefused) {
			t.Errorf("%q: error %v", subject, err)
		}
	}
}

func TestClaims(t *testing.T) {
	s, _ := people(t)
	doc := document(declared(s))
	doc.Allow = `claims.uid == ["Ada"] && "inetOrgPerson" in claims.objectClass && !claims.exists(c, c.contains("assword"))`
	if _, err := idp.NewSet(Factory(Options{Loopback: always})).Providers([]*registration.IdentityProvider{&doc})[0].
		Password.Authenticate(t.Context(), "ada", adaPassword); err != nil {
		t.Error(err)
	}
}

// A34 is about time; what is tested is what is waited for, because a stopwatch would flake.
func TestPace(t *testing.T) {
	var p pace
	if p.sample() != 0 {
		t.Error("waits before anything is known")
	}
	for i := range 100 {
		p.refused(time.Duration(i))
	}
	for range 1000 {
		if d := p.sample(); d < 68 || d > 99 {
			t.Fatalf("%d is none of the last %d", d, len(p.last))
		}
	}
}

// BenchmarkRefused is for the eye: an unknown user and a wrong password next to each other (A34).
func BenchmarkRefused(b *testing.B) {
	s := directory.Start(b)
	s.Person(b, "ada", adaPassword)
	doc := document(declared(s))
	made, _ := Factory(Options{Loopback: always})(&doc)
	for name, username := range map[string]string{"wrong password": "ada", "unknown user": "nobody"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, u := range []string{"ada", username} { // the first keeps the pace known
					if _, err := made.Password.Authenticate(b.Context(), u, "wrong"); !errors.Is(err, idp.ErrRefused) {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
