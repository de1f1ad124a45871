package registry

import (
	"cmp"
	"hash/maphash"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/expression"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/jwkset"
)

// record is what the source has under one key.
type record struct {
	key Key
	// document is the last content that could be read; nil when none ever could.
	document registration.Document
	// rejected is set while the content cannot be read. The document above is then history and not served.
	rejected bool
	// client is worked out of a *registration.Client, lazily: nil until the next snapshot is made.
	client *Client
}

// describes returns the client document of the record, nil if it is of another kind or never could be read.
func (r *record) describes() *registration.Client {
	d, _ := r.document.(*registration.Client)
	return d
}

// state is everything folded in so far, and what of it the next snapshot has to look at again. It is not safe for
// concurrent use; the registry's mutex guards it.
type state struct {
	accepts judge
	// expressions remembers the users expressions of policies.
	expressions expression.Memo
	// records holds everything, claims the readable client documents by client id, and others the readable documents
	// that are not clients.
	records map[Key]*record
	claims  map[string][]*record
	others  map[Key]*record
	// away holds the client records that are known and not served, see Snapshot.held.
	away     map[Key]*record
	rejected map[Key]struct{}
	version  string

	// What changed since the last snapshot.
	touched       map[string]struct{} // client ids
	sharedChanged bool
	awayChanged   bool
	rejectChanged bool
}

func newState(accepts judge) *state {
	return &state{
		accepts:  accepts,
		records:  make(map[Key]*record),
		claims:   make(map[string][]*record),
		others:   make(map[Key]*record),
		away:     make(map[Key]*record),
		rejected: make(map[Key]struct{}),
		touched:  make(map[string]struct{}),
	}
}

// empty is the first snapshot.
func empty() *Snapshot {
	seed := maphash.MakeSeed()
	return &Snapshot{clients: table{seed: seed}, byUID: table{seed: seed}}
}

// replace makes docs all there is. What did not change keeps its record, and so its *Client.
func (s *state) replace(docs []Change, version string) {
	listed := make(map[Key]struct{}, len(docs))
	for _, c := range docs {
		listed[c.Key] = struct{}{}
		s.fold(c)
	}
	for key := range s.records {
		if _, ok := listed[key]; !ok {
			s.remove(key)
		}
	}
	// A list is what it says it is, also when its version is lower: the cluster's data was restored from a backup.
	s.version = version
}

// apply folds in changes.
func (s *state) apply(changes []Change, version string) {
	for _, c := range changes {
		s.fold(c)
	}
	if newer(version, s.version) {
		s.version = version
	}
}

// newer compares versions as numbers of any length: longer is higher. A version that is no number counts as newer, so that it
// is passed on as it is.
func newer(a, b string) bool {
	if a == "" {
		return false
	}
	for i := range len(a) {
		if a[i] < '0' || a[i] > '9' {
			return true
		}
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) > 0
}

func (s *state) fold(c Change) {
	switch {
	case c.Err != nil:
		s.reject(c.Key)
	case c.Document == nil:
		s.remove(c.Key)
	default:
		s.put(c.Key, c.Document)
	}
}

func (s *state) put(key Key, d registration.Document) {
	old, ok := s.records[key]
	if ok && !old.rejected && same(old.document, d) {
		return
	}
	s.remove(key)
	r := &record{key: key, document: d}
	s.records[key] = r
	if client := r.describes(); client != nil {
		s.claims[client.ClientID] = append(s.claims[client.ClientID], r)
		s.touched[client.ClientID] = struct{}{}
		return
	}
	s.others[key] = r
	s.sharedChanged = true
}

// same compares documents: a source that has read nothing new may hand over the same pointer.
func same(a, b registration.Document) bool {
	return a == b || reflect.DeepEqual(a, b)
}

// reject takes the document under key out of service and remembers that it was not deleted.
func (s *state) reject(key Key) {
	old, ok := s.records[key]
	if ok && old.rejected {
		return
	}
	s.remove(key)
	r := &record{key: key, rejected: true}
	if ok {
		r.document, r.client = old.document, old.client
	}
	s.records[key] = r
	s.rejected[key] = struct{}{}
	s.rejectChanged = true
	if r.describes() != nil {
		s.away[key] = r
		s.awayChanged = true
	}
}

func (s *state) remove(key Key) {
	r, ok := s.records[key]
	if !ok {
		return
	}
	delete(s.records, key)
	if _, ok := s.away[key]; ok {
		delete(s.away, key)
		s.awayChanged = true
	}
	if r.rejected {
		delete(s.rejected, key)
		s.rejectChanged = true
		return
	}
	client := r.describes()
	if client == nil {
		delete(s.others, key)
		s.sharedChanged = true
		return
	}
	id := client.ClientID
	s.touched[id] = struct{}{}
	rest := slices.DeleteFunc(s.claims[id], func(o *record) bool { return o == r })
	if len(rest) == 0 {
		delete(s.claims, id)
	} else {
		s.claims[id] = rest
	}
}

// pending reports whether the next snapshot differs from the last one in anything but its version.
func (s *state) pending() bool {
	return len(s.touched) > 0 || s.sharedChanged || s.awayChanged || s.rejectChanged
}

// snapshot makes the next snapshot. It costs what changed; a changed policy costs a look at every client.
func (s *state) snapshot(last *Snapshot) *Snapshot {
	next := *last
	next.version = s.version
	if !s.pending() {
		return &next
	}
	if s.sharedChanged {
		next.shared = gather(s.others)
		next.users = s.usersOf(next.policies)
		s.judgeAgain(last.policies, &next.shared)
	}
	s.serve(&next)
	if s.awayChanged {
		next.held = make(map[string]*Client, len(s.away))
		for _, r := range s.away {
			c := s.clientOf(r, &next.shared)
			next.held[c.UID] = c
		}
	}
	if s.rejectChanged {
		next.rejected = slices.Sorted(maps.Keys(s.rejected))
	}
	next.documents = s.count()
	clear(s.touched)
	s.sharedChanged, s.awayChanged, s.rejectChanged = false, false, false
	return &next
}

// count counts the readable documents.
func (s *state) count() map[registration.Kind]int {
	n := make(map[registration.Kind]int)
	for _, r := range s.others {
		n[r.document.DocumentKind()]++
	}
	if clients := len(s.records) - len(s.others) - len(s.rejected); clients > 0 {
		n[registration.KindClient] = clients
	}
	return n
}

// usersOf compiles the users expressions of policies, each text once.
func (s *state) usersOf(policies map[string]*registration.Policy) map[string]usersOf {
	out := make(map[string]usersOf)
	for name, p := range policies {
		if p.Users == "" {
			continue
		}
		allow, err := s.expressions.Users(p.Users)
		if err != nil {
			out[name] = usersOf{broken: err.Error()}
			continue
		}
		out[name] = usersOf{allow: allow}
	}
	return out
}

// judgeAgain evaluates the policies that changed against the clients that they govern.
func (s *state) judgeAgain(before map[string]*registration.Policy, after *shared) {
	changed := make(map[string]struct{})
	for name, p := range after.policies {
		if before[name] != p {
			changed[name] = struct{}{}
		}
	}
	for name := range before {
		if _, ok := after.policies[name]; !ok {
			changed[name] = struct{}{}
		}
	}
	if len(changed) == 0 {
		return
	}
	for id, records := range s.claims {
		for _, r := range records {
			if r.client == nil { // not judged yet
				continue
			}
			if _, ok := changed[r.client.Policy]; !ok {
				continue
			}
			refused := s.accepts.verdict(r.client.Client, after)
			if !sameVerdict(refusal(r.client), refused) {
				r.client = withVerdict(r.client, refused)
				s.touched[id] = struct{}{}
			}
		}
	}
}

// clientOf works the record's client out if that was not done yet.
func (s *state) clientOf(r *record, by *shared) *Client {
	if r.client == nil {
		d := r.describes()
		r.client = newClient(d, s.accepts.verdict(d, by))
	}
	return r.client
}

// serve brings the tables of next up to date for every client id that was touched. Of several documents with one client id
// the one of the oldest client is served, whatever the order in which they came.
func (s *state) serve(next *Snapshot) {
	if len(s.touched) == 0 {
		return
	}
	clients, byUID := edit(&next.clients), edit(&next.byUID)
	origins := originCount{next: next}
	served := make([]*Client, 0, len(s.touched))
	for id := range s.touched {
		if old, ok := clients.get(id); ok {
			next.refused -= count(old)
			origins.add(old, -1)
			if c, _ := byUID.get(old.UID); c == old {
				byUID.set(old.UID, nil)
			}
		}
		records := s.claims[id]
		if len(records) == 0 {
			clients.set(id, nil)
			continue
		}
		winner := slices.MinFunc(records, elder)
		for _, r := range records {
			s.keepAway(r, r != winner)
		}
		c := s.clientOf(winner, &next.shared)
		next.refused += count(c)
		origins.add(c, 1)
		clients.set(id, c)
		served = append(served, c)
	}
	// After the removals, because a UID may have moved to another client id. Two ids of one UID do not happen, and are
	// decided all the same.
	slices.SortFunc(served, func(a, b *Client) int { return strings.Compare(b.ClientID, a.ClientID) })
	for _, c := range served {
		byUID.set(c.UID, c)
	}
}

func count(c *Client) int {
	if c.Refused != nil {
		return 1
	}
	return 0
}

func (s *state) keepAway(r *record, away bool) {
	if _, ok := s.away[r.key]; ok == away {
		return
	}
	if away {
		s.away[r.key] = r
	} else {
		delete(s.away, r.key)
	}
	s.awayChanged = true
}

// elder orders client records by age, then by key, so that every replica serves the same one.
func elder(a, b *record) int {
	return cmp.Or(a.describes().CreatedAt.Compare(b.describes().CreatedAt), strings.Compare(string(a.key), string(b.key)))
}

// gather sorts what is not a client into maps. Where two documents claim one name, the one with the lower key is served.
func gather(records map[Key]*record) shared {
	s := shared{
		policies:  make(map[string]*registration.Policy),
		resources: make(map[string]*registration.Resource),
		scopes:    make(map[string]scopeOf),

		providerByUID: make(map[string]*registration.IdentityProvider),
	}
	for _, key := range slices.Sorted(maps.Keys(records)) {
		switch d := records[key].document.(type) {
		case *registration.Server:
			s.server = cmp.Or(s.server, d)
		case *registration.Keys:
			s.keys = cmp.Or(s.keys, d)
		case *registration.Policy:
			s.policies[d.Name] = cmp.Or(s.policies[d.Name], d)
		case *registration.Resource:
			s.resources[d.Identifier] = cmp.Or(s.resources[d.Identifier], d)
		case *registration.IdentityProvider:
			s.providers = append(s.providers, d)
		}
	}
	if s.server != nil && s.server.ServiceAccounts != nil {
		s.accounts, _ = jwkset.Parse(s.server.ServiceAccounts.JWKS, registration.MaxClusterKeys) // none verify nothing
	}
	for _, identifier := range slices.Sorted(maps.Keys(s.resources)) {
		r := s.resources[identifier]
		for i := range r.Scopes {
			if name := r.Scopes[i].Name; s.scopes[name].resource == nil {
				s.scopes[name] = scopeOf{resource: r, scope: &r.Scopes[i]}
			}
		}
	}
	s.scopeList = slices.Sorted(maps.Keys(s.scopes))
	slices.SortStableFunc(s.providers, func(a, b *registration.IdentityProvider) int { return strings.Compare(a.Name, b.Name) })
	s.providers = slices.CompactFunc(s.providers, func(a, b *registration.IdentityProvider) bool { return a.Name == b.Name })
	for _, p := range s.providers {
		s.providerByUID[p.UID] = cmp.Or(s.providerByUID[p.UID], p)
	}
	slices.SortStableFunc(s.providers, func(a, b *registration.IdentityProvider) int { return cmp.Compare(a.Order, b.Order) })
	return s
}
