package ecommerceevents

// session is a user's visit. A user has at most one at a time.
type session struct {
	user       uint32
	viewed     uint32 // the product viewed last
	inCarts    uint32 // index in shop.carts while the cart is not empty
	cart       cart
	lastMillis int64
	userID, id any // string each
}

// favourite returns the user's favourite of so many categories.
func (p *session) favourite(categories int) uint32 {
	return scale(habit(p.user), uint32(categories))
}

// meanViews returns after how many views, on average, this user leaves.
func (p *session) meanViews() uint32 {
	return 4 + habit(p.user)%17
}

// habit hashes a user's number.
func habit(user uint32) uint32 {
	h := user*0x9e3779b1 + 0x85ebca6b
	h ^= h >> 15
	h *= 0x2c1b3c6d
	return h ^ h>>13
}

// cartLines is the capacity of a cart.
const cartLines = 6

// maxQuantity is the highest quantity of a cart line.
const maxQuantity = 4

// cart is a shopping cart. One event adds a line and one removes it; several lines
// may have the same product.
type cart struct {
	size  uint8
	lines [cartLines]line
}

type line struct {
	product  uint32
	quantity uint8
}

// put adds a line and reports whether the cart had room for it.
func (c *cart) put(product uint32, quantity uint8) (ok bool) {
	if c.size == cartLines {
		return false
	}
	c.lines[c.size] = line{product: product, quantity: quantity}
	c.size++
	return true
}

// take removes a random line. The cart must not be empty.
func (c *cart) take(r *random) line {
	i := r.below(uint32(c.size))
	l := c.lines[i]
	c.size--
	c.lines[i] = c.lines[c.size]
	return l
}
