package ecommerceevents

import "strconv"

// kind is what a person does.
type kind uint8

const (
	view kind = iota
	addToCart
	removeFromCart
	purchase
	kinds // how many there are
)

// action is one thing that somebody did in the shop.
type action struct {
	kind     kind
	quantity uint8 // 0 where it does not apply
	product  uint32
	userID   any // string, boxed once a session
	session  any // string, boxed once a session
}

const (
	// recallSize is how many of the last events a returning person is picked
	// from. Picking the person of an earlier event keeps Zipf's law as it is
	// and makes people do several things in a row.
	recallSize = 512

	// idleMillis ends a session. Where events are so rare that hardly anybody
	// would do two things within it, it is as long as recallSize events.
	idleMillis = 30 * 60 * 1000

	// cartsKept is how many lines are left in carts before a person with a full
	// cart may leave without buying, so that there is something to buy.
	cartsKept = 32

	// owedAtMost bounds the debts of each kind, see shop.owed.
	owedAtMost = 256
)

// shop simulates people in a shop, one action at a time. It is not safe for
// concurrent use.
type shop struct {
	random    *random
	ids       *identifiers
	catalogue *catalogue
	users     uint32
	regulars  ranks         // how often each user comes
	until     [kinds]uint32 // cumulative shares of 1<<32 of the kinds

	// owed counts what was drawn when nobody could do it, such as a purchase
	// when all carts were empty. It is made up for when a view is drawn.
	owed      [kinds]int
	anyOwed   bool
	idle      int64 // milliseconds after which a session is over
	recall    []uint32
	recallPos int

	current  []uint32  // a user's place in sessions, 0 for none
	sessions []session // the first is unused
	free     []uint32  // unused places in sessions
	carts    []uint32  // places of sessions with something in the cart
	lines    int       // in all carts
	scratch  []byte
}

// newShop opens a shop in which the events follow one another by meanGap
// milliseconds or less. weights are shares of any unit with a sum above 0.
func newShop(r *random, ids *identifiers, c *catalogue, users int, weights [kinds]float64, meanGap float64) *shop {
	s := &shop{
		random:    r,
		ids:       ids,
		catalogue: c,
		users:     uint32(users),
		regulars:  zipfRanks(users),
		idle:      max(idleMillis, int64(meanGap*recallSize)),
		recall:    make([]uint32, 0, recallSize),
		current:   make([]uint32, users),
		sessions:  make([]session, 1),
	}
	for len(s.recall) < recallSize { // as if people had been here before
		user := s.regulars.draw(r.Uint64())
		for range 8 {
			s.recall = append(s.recall, user)
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

// next is what happens next, at these Unix milliseconds.
func (s *shop) next(millis int64) action {
	wanted := s.draw()
	if wanted == view && s.anyOwed {
		if a, ok := s.payDebt(millis); ok {
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

func (s *shop) payDebt(millis int64) (action, bool) {
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

// try does this if anybody can.
func (s *shop) try(k kind, millis int64) (action, bool) {
	if k == addToCart {
		return s.add(millis)
	}
	place, ok := s.shopper(millis)
	if !ok {
		return action{}, false
	}
	p := &s.sessions[place]
	line := p.cart.take(s.random)
	s.lines--
	if p.cart.size == 0 {
		s.dropCart(place)
	}
	return s.acted(place, millis, action{kind: k, product: line.product, quantity: line.quantity}), true
}

func (s *shop) view(millis int64) action {
	place := s.visitor(millis)
	p := &s.sessions[place]
	p.viewed = s.catalogue.choose(s.random, p.favourite(len(s.catalogue.shelves)))
	a := s.acted(place, millis, action{kind: view, product: p.viewed})
	s.mayLeave(place)
	return a
}

// add lets somebody put what they looked at last into their cart. Whoever has a
// full cart, while nobody has to buy anything, leaves it behind.
func (s *shop) add(millis int64) (action, bool) {
	for range 4 {
		place := s.current[s.someone()]
		if place == 0 || s.over(place, millis) {
			continue
		}
		p := &s.sessions[place]
		quantity := uint8(1)
		if bits := s.random.Uint64(); bits&3 == 0 {
			quantity += uint8(scale(uint32(bits>>32), maxQuantity))
		}
		if !p.cart.put(p.viewed, quantity) {
			if s.canSpare(cartLines) {
				s.leave(place)
			}
			continue
		}
		s.lines++
		if p.cart.size == 1 {
			p.inCarts = uint32(len(s.carts))
			s.carts = append(s.carts, place)
		}
		return s.acted(place, millis, action{kind: addToCart, product: p.viewed, quantity: quantity}), true
	}
	return action{}, false
}

// canSpare says whether enough is left to buy without this many lines.
func (s *shop) canSpare(lines int) bool {
	if s.until[addToCart] == s.until[purchase] {
		return true // nothing is ever bought or removed
	}
	owed := s.owed[removeFromCart] + s.owed[purchase]
	return s.lines-lines >= cartsKept+owed || s.owed[addToCart] > owed
}

// acted completes the action of the person in this place.
func (s *shop) acted(place uint32, millis int64, a action) action {
	p := &s.sessions[place]
	p.lastMillis = millis
	a.userID, a.session = p.userID, p.id
	s.recall[s.recallPos] = p.user
	s.recallPos = (s.recallPos + 1) % recallSize
	return a
}

// someone picks a user: mostly one who just did something.
func (s *shop) someone() uint32 {
	bits := s.random.Uint64()
	if bits&7 != 0 {
		return s.recall[scale(uint32(bits>>32), recallSize)]
	}
	return s.regulars.draw(s.random.Uint64())
}

// visitor gives the place of the session of somebody who looks at something.
func (s *shop) visitor(millis int64) uint32 {
	user := s.someone()
	if place := s.current[user]; place != 0 {
		if !s.over(place, millis) {
			return place
		}
		s.leave(place)
	}
	return s.enter(user, millis)
}

// shopper gives the place of somebody with something in the cart.
func (s *shop) shopper(millis int64) (uint32, bool) {
	for len(s.carts) > 0 {
		place := s.carts[s.random.below(uint32(len(s.carts)))]
		if !s.over(place, millis) {
			return place, true
		}
		s.leave(place)
	}
	return 0, false
}

func (s *shop) over(place uint32, millis int64) bool {
	return millis-s.sessions[place].lastMillis > s.idle
}

func (s *shop) enter(user uint32, millis int64) uint32 {
	var place uint32
	if n := len(s.free); n > 0 {
		place, s.free = s.free[n-1], s.free[:n-1]
	} else {
		place = uint32(len(s.sessions))
		s.sessions = append(s.sessions, session{})
	}
	s.scratch = s.ids.appendAny(s.scratch[:0], millis)
	s.sessions[place] = session{
		user:   user,
		userID: strconv.Itoa(1 + int(spread(user, s.users))),
		id:     string(s.scratch),
	}
	s.current[user] = place
	return place
}

// mayLeave ends the session by chance, after as many views as is the user's
// habit on average. A cart is left behind only when there are others to buy.
func (s *shop) mayLeave(place uint32) {
	p := &s.sessions[place]
	if s.random.below(p.patience()) != 0 {
		return
	}
	if n := int(p.cart.size); n == 0 || s.canSpare(n) {
		s.leave(place)
	}
}

func (s *shop) leave(place uint32) {
	p := &s.sessions[place]
	if p.cart.size > 0 {
		s.lines -= int(p.cart.size)
		s.dropCart(place)
	}
	s.current[p.user] = 0
	*p = session{}
	s.free = append(s.free, place)
}

// dropCart takes the session out of those with something in the cart.
func (s *shop) dropCart(place uint32) {
	at := s.sessions[place].inCarts
	last := len(s.carts) - 1
	s.carts[at] = s.carts[last]
	s.sessions[s.carts[at]].inCarts = at
	s.carts = s.carts[:last]
}
