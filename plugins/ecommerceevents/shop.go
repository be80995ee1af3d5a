package ecommerceevents

import "strconv"

// kind is a kind of action.
type kind uint8

const (
	view kind = iota
	addToCart
	removeFromCart
	purchase
	kinds // the number of kinds
)

// action is what a user did in the shop.
type action struct {
	kind     kind
	quantity uint8 // 0 where it does not apply
	product  uint32
	userID   any // string, boxed once per session
	session  any // string, boxed once per session
}

const (
	// recentSize is how many of the last events a returning user is picked from.
	// Picking the user of a recent event preserves Zipf's law and gives users
	// several actions in a row.
	recentSize = 512

	// idleMillis ends a session. If events are rare, a session ends after
	// recentSize events instead, or it would hardly ever have two.
	idleMillis = 30 * 60 * 1000

	// cartsKept is how many cart lines must remain before a user with a full cart
	// may leave without buying, so that purchases stay possible.
	cartsKept = 32

	// owedAtMost bounds shop.owed for each kind.
	owedAtMost = 256
)

// shop simulates the users of a shop, one action at a time. It is not safe for
// concurrent use.
type shop struct {
	random    *random
	ids       *identifiers
	catalogue *catalogue
	users     uint32
	activity  ranks         // how often each user comes
	until     [kinds]uint32 // cumulative shares of 1<<32 of the kinds

	// owed counts actions that were drawn but impossible, such as a purchase while
	// all carts were empty. They replace later views.
	owed      [kinds]int
	anyOwed   bool
	idle      int64    // milliseconds after which a session is over
	recent    []uint32 // the users of the last events, a ring
	recentPos int

	current  []uint32  // a user's slot in sessions, 0 for none
	sessions []session // the first is unused
	free     []uint32  // unused slots in sessions
	carts    []uint32  // slots of sessions whose cart is not empty
	lines    int       // cart lines in all sessions
	scratch  []byte
}

// newShop returns a shop for events at most meanGap milliseconds apart on average.
// weights may have any sum above 0.
func newShop(r *random, ids *identifiers, c *catalogue, users int, weights [kinds]float64, meanGap float64) *shop {
	s := &shop{
		random:    r,
		ids:       ids,
		catalogue: c,
		users:     uint32(users),
		activity:  zipfRanks(users),
		idle:      max(idleMillis, int64(meanGap*recentSize)),
		recent:    make([]uint32, 0, recentSize),
		current:   make([]uint32, users),
		sessions:  make([]session, 1),
	}
	for len(s.recent) < recentSize { // as if there had been events before
		user := s.activity.draw(r.Uint64())
		for range 8 {
			s.recent = append(s.recent, user)
		}
	}
	var total, sum float64
	for _, w := range weights {
		total += w
	}
	for k, w := range weights {
		sum += w
		s.until[k] = uint32(min(sum/total*(1<<32), 1<<32-1))
	}
	return s
}

// next simulates the next action, at these Unix milliseconds.
func (s *shop) next(millis int64) action {
	wanted := s.draw()
	if wanted == view && s.anyOwed {
		if a, ok := s.tryOwed(millis); ok {
			return a
		}
	}
	if wanted != view {
		if a, ok := s.try(wanted, millis); ok {
			return a
		}
		s.owed[wanted] = min(s.owed[wanted]+1, owedAtMost)
		s.anyOwed = true
	}
	return s.view(millis)
}

func (s *shop) draw() kind {
	share := uint32(s.random.Uint64() >> 32)
	switch {
	case share < s.until[view]:
		return view
	case share < s.until[addToCart]:
		return addToCart
	case share < s.until[removeFromCart]:
		return removeFromCart
	case s.until[removeFromCart] < s.until[purchase]:
		return purchase
	}
	return view // rounding, when nothing is ever bought
}

// tryOwed makes up for one of the owed actions, if one is possible now.
func (s *shop) tryOwed(millis int64) (action, bool) {
	s.anyOwed = false
	for k := purchase; k > view; k-- {
		if s.owed[k] == 0 {
			continue
		}
		s.anyOwed = true
		if a, ok := s.try(k, millis); ok {
			s.owed[k]--
			return a, true
		}
	}
	return action{}, false
}

// try simulates an action of this kind, if some user can do it.
func (s *shop) try(k kind, millis int64) (action, bool) {
	if k == addToCart {
		return s.add(millis)
	}
	slot, ok := s.shopper(millis)
	if !ok {
		return action{}, false
	}
	p := &s.sessions[slot]
	line := p.cart.take(s.random)
	s.lines--
	if p.cart.size == 0 {
		s.dropCart(slot)
	}
	return s.acted(slot, millis, action{kind: k, product: line.product, quantity: line.quantity}), true
}

func (s *shop) view(millis int64) action {
	slot := s.visitor(millis)
	p := &s.sessions[slot]
	p.viewed = s.catalogue.choose(s.random, p.favourite(len(s.catalogue.shelves)))
	a := s.acted(slot, millis, action{kind: view, product: p.viewed})
	s.mayLeave(slot)
	return a
}

// add lets a user add the product viewed last to the cart. A user whose cart is
// full leaves it behind, unless purchases need it.
func (s *shop) add(millis int64) (action, bool) {
	for range 4 {
		slot := s.current[s.someone()]
		if slot == 0 || s.over(slot, millis) {
			continue
		}
		p := &s.sessions[slot]
		quantity := uint8(1)
		if bits := s.random.Uint64(); bits&3 == 0 {
			quantity += uint8(scale(uint32(bits>>32), maxQuantity))
		}
		if !p.cart.put(p.viewed, quantity) {
			if s.canSpare(cartLines) {
				s.leave(slot)
			}
			continue
		}
		s.lines++
		if p.cart.size == 1 {
			p.inCarts = uint32(len(s.carts))
			s.carts = append(s.carts, slot)
		}
		return s.acted(slot, millis, action{kind: addToCart, product: p.viewed, quantity: quantity}), true
	}
	return action{}, false
}

// canSpare reports whether enough cart lines remain for purchases without these.
func (s *shop) canSpare(lines int) bool {
	if s.until[addToCart] == s.until[purchase] {
		return true // nothing is ever bought or removed
	}
	owed := s.owed[removeFromCart] + s.owed[purchase]
	return s.lines-lines >= cartsKept+owed || s.owed[addToCart] > owed
}

// acted completes an action of the session in this slot.
func (s *shop) acted(slot uint32, millis int64, a action) action {
	p := &s.sessions[slot]
	p.lastMillis = millis
	a.userID, a.session = p.userID, p.id
	s.recent[s.recentPos] = p.user
	s.recentPos = (s.recentPos + 1) % recentSize
	return a
}

// someone picks a user, mostly one of a recent event.
func (s *shop) someone() uint32 {
	bits := s.random.Uint64()
	if bits&7 != 0 {
		return s.recent[scale(uint32(bits>>32), recentSize)]
	}
	return s.activity.draw(s.random.Uint64())
}

// visitor returns the slot of a session for a view, and starts one if needed.
func (s *shop) visitor(millis int64) uint32 {
	user := s.someone()
	if slot := s.current[user]; slot != 0 {
		if !s.over(slot, millis) {
			return slot
		}
		s.leave(slot)
	}
	return s.enter(user, millis)
}

// shopper returns the slot of a session whose cart is not empty.
func (s *shop) shopper(millis int64) (uint32, bool) {
	for len(s.carts) > 0 {
		slot := s.carts[s.random.below(uint32(len(s.carts)))]
		if !s.over(slot, millis) {
			return slot, true
		}
		s.leave(slot)
	}
	return 0, false
}

func (s *shop) over(slot uint32, millis int64) bool {
	return millis-s.sessions[slot].lastMillis > s.idle
}

func (s *shop) enter(user uint32, millis int64) uint32 {
	var slot uint32
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
	} else {
		slot = uint32(len(s.sessions))
		s.sessions = append(s.sessions, session{})
	}
	s.scratch = s.ids.appendAny(s.scratch[:0], millis)
	s.sessions[slot] = session{
		user:   user,
		userID: strconv.Itoa(1 + int(spread(user, s.users))),
		id:     string(s.scratch),
	}
	s.current[user] = slot
	return slot
}

// mayLeave ends the session at random, on average after the user's mean number of
// views. A cart is left behind only if purchases do not need it.
func (s *shop) mayLeave(slot uint32) {
	p := &s.sessions[slot]
	if s.random.below(p.meanViews()) != 0 {
		return
	}
	if n := int(p.cart.size); n == 0 || s.canSpare(n) {
		s.leave(slot)
	}
}

func (s *shop) leave(slot uint32) {
	p := &s.sessions[slot]
	if p.cart.size > 0 {
		s.lines -= int(p.cart.size)
		s.dropCart(slot)
	}
	s.current[p.user] = 0
	*p = session{}
	s.free = append(s.free, slot)
}

// dropCart removes the session from those whose cart is not empty.
func (s *shop) dropCart(slot uint32) {
	at := s.sessions[slot].inCarts
	last := len(s.carts) - 1
	s.carts[at] = s.carts[last]
	s.sessions[s.carts[at]].inCarts = at
	s.carts = s.carts[:last]
}
