package ecommerceevents

import (
	"fmt"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const testStart = 1_706_659_200_000 // 2024-01-31T00:00:00Z in milliseconds

func newTestShop(seed uint64, users, products int, weights [kinds]float64) *shop {
	r := newRandom(seed)
	return newShop(r, &identifiers{random: r}, newCatalogue(int64(seed), products), users, weights, 10)
}

var usualWeights = [kinds]float64{view: 92, addToCart: 5, removeFromCart: 1, purchase: 2}

func TestTheMixOfEventsIsNearTheWeights(t *testing.T) {
	t.Parallel()
	for name, weights := range map[string][kinds]float64{
		"the usual":              usualWeights,
		"only views":             {view: 1},
		"carts, nothing bought":  {view: 90, addToCart: 10},
		"all that is added goes": {view: 60, addToCart: 20, removeFromCart: 8, purchase: 12},
		"as many adds as views":  {view: 50, addToCart: 50},
		"everything is bought":   {view: 1, addToCart: 1, purchase: 1},
	} {
		for _, users := range []int{1, 3, 10_000} {
			t.Run(fmt.Sprintf("%s, %d users", name, users), func(t *testing.T) {
				t.Parallel()
				const n = 100_000
				s := newTestShop(7, users, 500, weights)
				var seen [kinds]float64
				for i := range n {
					seen[s.next(testStart+int64(i)*10).kind]++
				}
				total := weights[view] + weights[addToCart] + weights[removeFromCart] + weights[purchase]
				for k, weight := range weights {
					assert.InDelta(t, weight/total, seen[k]/n, 0.008, "kind %d", k)
				}
			})
		}
	}
}

func TestRareEventsStillMakeTheMix(t *testing.T) {
	t.Parallel()
	const n, gap = 50_000, 60 * 60 * 1000 // one event an hour
	r := newRandom(3)
	s := newShop(r, &identifiers{random: r}, newCatalogue(3, 100), 10_000, usualWeights, gap)
	var seen [kinds]float64
	for i := range n {
		seen[s.next(testStart+int64(i)*gap).kind]++
	}
	assert.InDelta(t, 0.05, seen[addToCart]/n, 0.005)
	assert.InDelta(t, 0.02, seen[purchase]/n, 0.005)
}

func TestFewUsersAndProductsMakeMostOfTheTraffic(t *testing.T) {
	t.Parallel()
	const n = 500_000
	s := newTestShop(11, 10_000, 1_000, usualWeights)
	users, products := map[any]int{}, map[uint32]int{}
	for i := range n {
		a := s.next(testStart + int64(i)*10)
		users[a.userID]++
		products[a.product]++
	}
	top := share(users, 0.1, 10_000)
	assert.InDelta(t, 0.80, top, 0.08, "the share of a tenth of the users: by Zipf's law 76 %%, and some more because visits are lumps")
	assert.Greater(t, len(users), 5_000, "yet many users come")

	top = share(products, 0.1, 1_000)
	assert.Greater(t, top, 0.55, "the share of a tenth of the products")
	assert.Greater(t, len(products), 950, "yet nearly all products are seen")
}

// share returns the share of the total that the highest counts have.
func share[K comparable](counts map[K]int, part float64, of int) float64 {
	var all []int
	total := 0
	for _, n := range counts {
		all = append(all, n)
		total += n
	}
	sort.Sort(sort.Reverse(sort.IntSlice(all)))
	top := 0
	for _, n := range all[:int(part*float64(of))] {
		top += n
	}
	return float64(top) / float64(total)
}

func TestSessionsAreCoherent(t *testing.T) {
	t.Parallel()
	type visit struct {
		user   any
		last   int64
		viewed map[uint32]bool
		cart   map[uint32]uint8
	}
	visits := map[any]*visit{}
	current := map[any]any{} // user → session
	s := newTestShop(5, 2_000, 300, [kinds]float64{view: 80, addToCart: 12, removeFromCart: 3, purchase: 5})
	millis := int64(testStart)
	events, long := 100_000, 0
	for range events {
		millis += 40
		a := s.next(millis)
		v := visits[a.session]
		if v == nil {
			require.Equal(t, view, a.kind, "a session begins with a view")
			v = &visit{user: a.userID, last: millis, viewed: map[uint32]bool{}, cart: map[uint32]uint8{}}
			visits[a.session] = v
			current[a.userID] = a.session
		}
		require.Equal(t, v.user, a.userID, "a session is one user's")
		require.Equal(t, a.session, current[a.userID], "a user has one session at a time, and none comes back")
		require.LessOrEqual(t, millis-v.last, int64(idleMillis))
		v.last = millis

		switch a.kind {
		case view:
			require.Zero(t, a.quantity)
			v.viewed[a.product] = true
		case addToCart:
			require.True(t, v.viewed[a.product], "what goes into the cart was looked at")
			require.NotZero(t, a.quantity)
			v.cart[a.product] += a.quantity
			require.LessOrEqual(t, a.quantity, uint8(maxQuantity))
		default:
			require.LessOrEqual(t, a.quantity, v.cart[a.product], "what is removed or bought is in the cart")
			require.NotZero(t, a.quantity)
			v.cart[a.product] -= a.quantity
			long++
		}
	}
	assert.Greater(t, len(visits), events/60)
	assert.Less(t, len(visits), events/3)
	assert.Greater(t, long, events/20)
}

func TestAnIdleSessionEndsAfterHalfAnHour(t *testing.T) {
	t.Parallel()
	s := newTestShop(5, 1, 10, [kinds]float64{view: 10, addToCart: 1})
	a := s.next(testStart)
	b := s.next(testStart + idleMillis + 1)
	assert.NotEqual(t, a.session, b.session)
	assert.Equal(t, a.userID, b.userID)
}

func TestMemoryStaysBoundedByTheUsers(t *testing.T) {
	t.Parallel()
	s := newTestShop(5, 50, 10, usualWeights)
	for i := range 100_000 {
		s.next(testStart + int64(i)*1000)
	}
	assert.LessOrEqual(t, len(s.sessions), 51)
	assert.LessOrEqual(t, len(s.free), 50)
	assert.LessOrEqual(t, len(s.carts), 50)
}

func TestCartLinesAreCounted(t *testing.T) {
	t.Parallel()
	s := newTestShop(9, 500, 100, [kinds]float64{view: 60, addToCart: 30, removeFromCart: 10, purchase: 15})
	for i := range 50_000 {
		s.next(testStart + int64(i)*5000)
	}
	lines := 0
	for _, slot := range s.carts {
		n := int(s.sessions[slot].cart.size)
		require.NotZero(t, n)
		lines += n
	}
	assert.Equal(t, lines, s.lines)
}

func TestSpreadIsAPermutation(t *testing.T) {
	t.Parallel()
	for _, n := range []uint32{1, 2, 3, 7, 10, 1_000, 4_096, 9_973} {
		seen := make([]bool, n)
		for rank := range n {
			number := spread(rank, n)
			require.False(t, seen[number], "%d of %d", rank, n)
			seen[number] = true
		}
	}
}

func TestRanksAreDrawnByTheirWeights(t *testing.T) {
	t.Parallel()
	weights := []uint64{1 << 32, 1 << 31, 0, 1 << 30, 1}
	table := weightedRanks(weights)
	r := newRandom(1)
	counts := make([]float64, len(weights))
	const n = 400_000
	for range n {
		counts[table.draw(r.Uint64())]++
	}
	var total float64
	for _, w := range weights {
		total += float64(w)
	}
	for k, w := range weights {
		assert.InDelta(t, float64(w)/total, counts[k]/n, 0.005, "rank %d", k)
	}
	assert.LessOrEqual(t, counts[2], 1.0, "a weight of 0 is not drawn")
}
