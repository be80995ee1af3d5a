package ecommerceevents

// session is one visit of one user, who has at most one at a time.
type session struct {
	user       uint32
	viewed     uint32 // the product looked at last
	inCarts    uint32 // place in shop.carts while there is something in the cart
	cart       cart
	lastMillis int64
	userID, id any // string each
}

// favourite is the category that this user likes best, of so many.
func (p *session) favourite(categories int) uint32 {
	return scale(habit(p.user), uint32(categories))
}

// patience is after how many views, on average, this user leaves.
func (p *session) patience() uint32 {
	return 4 + habit(p.user)%17
}

// habit mixes a user's number to 32 bits that are always the same for the user.
func habit(user uint32) uint32 {
	h := user*0x9e3779b1 + 0x85ebca6b
	h ^= h >> 15
	h *= 0x2c1b3c6d
	return h ^ h>>13
}

// cartLines is how often something can be put into a cart before some of it is
// taken out or bought.
const cartLines = 6

// maxQuantity is how many pieces go into a cart at a time, at most.
const maxQuantity = 4

// cart is what somebody means to buy. Each line was put into it by one event,
// and goes by one; a product may stand in several.
type cart struct {
	size  uint8
	lines [cartLines]line
}

type line struct {
	product  uint32
	quantity uint8
}

// put adds a line. It is not ok when the cart is full.
func (c *cart) put(product uint32, quantity uint8) (ok bool) {
	if c.size == cartLines {
		return false
	}
	c.lines[c.size] = line{product: product, quantity: quantity}
	c.size++
	return true
}

// take removes one line, which there must be.
func (c *cart) take(r *random) line {
	i := r.below(uint32(c.size))
	l := c.lines[i]
	c.size--
	c.lines[i] = c.lines[c.size]
	return l
}
