package ecommerceevents

import (
	"strconv"

	"github.com/brianvoe/gofakeit/v6"
)

// firstProductID is the lowest product_id. It is large so that product ids cannot
// be mistaken for user ids or quantities.
const firstProductID = 100_000

// product is one product on sale. Its cells are boxed once, since all its events
// share them.
type product struct {
	id, name, category, price any // string each
	inCategory                uint32
}

// catalogue is what the shop sells, and how popular each product is.
type catalogue struct {
	products   []product
	popularity ranks
	shelves    []shelf
}

// shelf holds the products of one category and their popularity within it.
type shelf struct {
	products   []uint32
	popularity ranks
}

// priceBands are the price ranges of categories, in cents.
var priceBands = [...][2]int{{200, 3000}, {800, 9000}, {1500, 25000}, {6000, 90000}, {15000, 240000}}

// sizes end some product names, for commas, quotes and non-ASCII letters as in
// real catalogues.
var sizes = [...]string{`, 15"`, `, 27" Wide`, ` "Pro"`, `, 2 pcs.`, ` – Édition Limitée`, `, 500 ml`}

// newCatalogue makes n products from the seed, which must not be 0.
func newCatalogue(seed int64, n int) *catalogue {
	fake := gofakeit.NewUnlocked(seed)
	categories := someCategories(fake)
	bands := make([][2]int, len(categories))
	for i := range bands {
		bands[i] = priceBands[fake.IntRange(0, len(priceBands)-1)]
	}

	c := &catalogue{
		products:   make([]product, n),
		popularity: zipfRanks(n),
		shelves:    make([]shelf, len(categories)),
	}
	shelfWeights := make([][]uint64, len(categories))
	for rank := range c.products {
		k := fake.IntRange(0, len(categories)-1)
		c.products[rank] = product{
			id:         strconv.Itoa(firstProductID + int(spread(uint32(rank), uint32(n)))),
			name:       productName(fake),
			category:   categories[k],
			price:      productPrice(fake, bands[k]),
			inCategory: uint32(k),
		}
		c.shelves[k].products = append(c.shelves[k].products, uint32(rank))
		shelfWeights[k] = append(shelfWeights[k], zipfWeight(rank))
	}
	for k := range c.shelves {
		if len(shelfWeights[k]) > 0 {
			c.shelves[k].popularity = weightedRanks(shelfWeights[k])
		}
	}
	return c
}

func someCategories(fake *gofakeit.Faker) []any {
	const wanted = 16
	seen := map[string]bool{}
	var categories []any
	for range 8 * wanted {
		name := fake.ProductCategory()
		if !seen[name] && len(categories) < wanted {
			seen[name] = true
			categories = append(categories, name)
		}
	}
	return categories
}

func productName(fake *gofakeit.Faker) string {
	name := fake.ProductName()
	if fake.IntRange(0, 19) == 0 {
		name += sizes[fake.IntRange(0, len(sizes)-1)]
	}
	return name
}

// productPrice returns a price with two decimals, most often ending in .99.
func productPrice(fake *gofakeit.Faker, band [2]int) string {
	cents := int64(fake.IntRange(band[0], band[1]))
	switch fake.IntRange(0, 3) {
	case 0, 1:
		cents = cents/100*100 + 99
	case 2:
		cents = cents/100*100 + 50
	}
	return string(appendCents(nil, cents))
}

func appendCents(dst []byte, cents int64) []byte {
	dst = strconv.AppendInt(dst, cents/100, 10)
	return append(dst, '.', byte('0'+cents%100/10), byte('0'+cents%10))
}

// choose draws a product: half of the time by popularity within the favourite
// category, else by overall popularity.
func (c *catalogue) choose(r *random, favourite uint32) uint32 {
	bits := r.Uint64()
	if bits&1 == 0 {
		if s := &c.shelves[favourite]; len(s.products) > 0 {
			return s.products[s.popularity.draw(r.Uint64())]
		}
	}
	return c.popularity.draw(r.Uint64())
}
