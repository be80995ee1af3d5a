// Package ecommerceevents provides the input `ecommerce_events`, a seeded
// simulation of an online shop. Users view products, add them to carts, remove
// them and buy; as in a real shop, a few users and products account for most of
// the traffic.
//
// Importing the package registers the input. It exports nothing else.
package ecommerceevents
