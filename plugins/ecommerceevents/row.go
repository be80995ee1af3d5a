package ecommerceevents

import (
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// The columns of an event.
const (
	columnEventID     = "event_id"
	columnUserID      = "user_id"
	columnSessionID   = "session_id"
	columnEventType   = "event_type"
	columnProductID   = "product_id"
	columnProductName = "product_name"
	columnCategory    = "category"
	columnPrice       = "price"
	columnQuantity    = "quantity"
	columnTimestamp   = "timestamp"
)

// spellings are the values of event_type that clients send.
var spellings = [kinds][4]any{
	view:           {"view", "View", "VIEW", "vIew"},
	addToCart:      {"add_to_cart", "Add_To_Cart", "ADD_TO_CART", "Add_to_cart"},
	removeFromCart: {"remove_from_cart", "Remove_From_Cart", "REMOVE_FROM_CART", "Remove_from_cart"},
	purchase:       {"purchase", "Purchase", "PURCHASE", "pUrchase"},
}

// boxedEmpty is the cell of a column that does not apply.
var boxedEmpty any = ""

// boxedQuantities are the cells of quantities; that of 0 is empty.
var boxedQuantities = func() (cells [maxQuantity + 1]any) {
	cells[0] = boxedEmpty
	for i := 1; i < len(cells); i++ {
		cells[i] = strconv.Itoa(i)
	}
	return cells
}()

// row is an event from which any number of messages can be made.
type row struct {
	action
	number    int64 // from 1, in the order of the rows
	spelling  uint8
	of        *product
	eventID   string
	timestamp string
	fault     string
	damage    *damage
}

// fill sets the content and the metadata of the message.
func (r *row) fill(msg *service.Message) {
	price := r.of.price
	if r.kind == removeFromCart {
		price = boxedEmpty
	}
	cells := make(map[string]any, 10)
	cells[columnEventID] = r.eventID
	cells[columnUserID] = r.userID
	cells[columnSessionID] = r.session
	cells[columnEventType] = spellings[r.kind][r.spelling]
	cells[columnProductID] = r.of.id
	cells[columnProductName] = r.of.name
	cells[columnCategory] = r.of.category
	cells[columnPrice] = price
	cells[columnQuantity] = boxedQuantities[r.quantity]
	cells[columnTimestamp] = r.timestamp
	if r.fault != "" {
		if r.damage != nil {
			cells[r.damage.column] = r.damage.value
		}
		setFaultMetadata(msg, r)
	}
	msg.SetStructuredMut(cells)
}
