// Package ecommerceevents provides the input `ecommerce_events`: a seeded
// simulation of a shop. People come, browse, fill carts, empty them and buy;
// few people and few products make most of the traffic, as in a real shop.
//
// Importing the package registers the input. It exports nothing else.
package ecommerceevents
