package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/idp"
)

const (
	apiVersion = "2022-11-28"
	perPage    = 100
	// maxPages bounds a list: a thousand organizations, a thousand teams.
	maxPages = 10
)

// errUnauthorized is a token that the API does not take.
var errUnauthorized = errors.New("the API does not take the token")

// user is what GET /user says, as far as it is read.
type user struct {
	ID      int64  `json:"id"`
	Login   string `json:"login"`
	Name    string `json:"name"`
	HTMLURL string `json:"html_url"`
	Avatar  string `json:"avatar_url"`
	Blog    string `json:"blog"`
	Type    string `json:"type"`
}

type email struct {
	Email    string `json:"email"`
	Primary  bool   `json:"primary"`
	Verified bool   `json:"verified"`
}

type organization struct {
	Login string `json:"login"`
}

type team struct {
	Slug         string       `json:"slug"`
	Organization organization `json:"organization"`
}

// identity asks the API who a token is of. ErrNotAllowed when it is in none of the organizations that are let in;
// errUnauthorized; other errors mean that it is out of reach.
func (p *Provider) identity(ctx context.Context, token string) (idp.Identity, error) {
	raw, _, err := p.get(ctx, token, "/user")
	if err != nil {
		return idp.Identity{}, err
	}
	var u user
	claims := map[string]any{}
	if err := errors.Join(json.Unmarshal(raw, &u), json.Unmarshal(raw, &claims)); err != nil || u.ID <= 0 || u.Login == "" {
		return idp.Identity{}, errors.New("GET /user yields no account")
	}
	emails, err := list[email](ctx, p, token, "/user/emails")
	if err != nil {
		return idp.Identity{}, err
	}
	organizations, err := list[organization](ctx, p, token, "/user/orgs")
	if err != nil {
		return idp.Identity{}, err
	}
	teams, err := list[team](ctx, p, token, "/user/teams")
	if err != nil {
		return idp.Identity{}, err
	}
	i := idp.Identity{
		Subject: strconv.FormatInt(u.ID, 10), Username: u.Login, Name: u.Name, Claims: claims,
		Profile: registration.Profile{Nickname: u.Login, Profile: u.HTMLURL, Picture: u.Avatar, Website: u.Blog},
	}
	if at := slices.IndexFunc(emails, func(e email) bool { return e.Primary && e.Verified }); at >= 0 {
		i.Email, i.EmailVerified = emails[at].Email, true
	}
	if i.Groups = p.groups(organizations, teams); len(p.declared.Organizations) > 0 && len(i.Groups) == 0 {
		return idp.Identity{}, fmt.Errorf("%w: it is in none of the organizations that are let in", idp.ErrNotAllowed)
	}
	addClaims(claims, emails, organizations, teams)
	return i, nil
}

// groups are the organizations, "org", and the teams, "org/team"; only of those that are let in, where they are named.
func (p *Provider) groups(organizations []organization, teams []team) []string {
	counts := func(name string) bool {
		return len(p.declared.Organizations) == 0 ||
			slices.ContainsFunc(p.declared.Organizations, func(d string) bool { return strings.EqualFold(d, name) })
	}
	var out []string
	in := map[string]bool{}
	for _, o := range organizations {
		if counts(o.Login) {
			in[o.Login] = true
			out = append(out, o.Login)
		}
	}
	for _, t := range teams {
		if in[t.Organization.Login] {
			out = append(out, t.Organization.Login+"/"+t.Slug)
		}
	}
	return out
}

// addClaims lets expressions see more than GET /user says: emails, orgs, teams.
func addClaims(claims map[string]any, emails []email, organizations []organization, teams []team) {
	addresses, orgs, groups := []any{}, []string{}, []string{}
	for _, e := range emails {
		addresses = append(addresses, map[string]any{"email": e.Email, "primary": e.Primary, "verified": e.Verified})
	}
	for _, o := range organizations {
		orgs = append(orgs, o.Login)
	}
	for _, t := range teams {
		groups = append(groups, t.Organization.Login+"/"+t.Slug)
	}
	claims["emails"], claims["orgs"], claims["teams"] = addresses, orgs, groups
}

// list reads all pages of a list. The pages are counted here, so that no link of an answer leads the token elsewhere.
func list[T any](ctx context.Context, p *Provider, token, path string) ([]T, error) {
	var all []T
	for page := 1; ; page++ {
		if page > maxPages {
			return nil, fmt.Errorf("GET %s has more than %d entries", path, maxPages*perPage)
		}
		raw, header, err := p.get(ctx, token, fmt.Sprintf("%s?per_page=%d&page=%d", path, perPage, page))
		if err != nil {
			return nil, err
		}
		var some []T
		if err := json.Unmarshal(raw, &some); err != nil {
			return nil, fmt.Errorf("GET %s yields no list", path)
		}
		all = append(all, some...)
		if !strings.Contains(header.Get("Link"), `rel="next"`) {
			return all, nil
		}
	}
}

func (p *Provider) get(ctx context.Context, token, path string) ([]byte, http.Header, error) {
	request, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(p.declared.APIURL, "/")+path, nil)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", apiVersion)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := p.client.Do(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	name, _, _ := strings.Cut(path, "?")
	switch {
	case answer.Status == http.StatusOK:
		return answer.Body, answer.Header, nil
	case answer.Status == http.StatusUnauthorized:
		return nil, nil, errUnauthorized
	case limited(answer.Status, answer.Header):
		return nil, nil, fmt.Errorf("GET %s: the rate limit is reached", name)
	case answer.Status == http.StatusForbidden && strings.Contains(string(answer.Body), "suspended"):
		return nil, nil, fmt.Errorf("%w: it is suspended", idp.ErrNotAllowed)
	default:
		return nil, nil, fmt.Errorf("GET %s answers with status %d", name, answer.Status)
	}
}

// limited tells a rate limit, which says nothing about the account, from other answers of the same status.
func limited(status int, h http.Header) bool {
	return status == http.StatusTooManyRequests ||
		status == http.StatusForbidden && (h.Get("X-RateLimit-Remaining") == "0" || h.Get("Retry-After") != "")
}
