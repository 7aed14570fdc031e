package main

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
)

// Size of the range of Pod addresses of a node: 10.<subnet>.0.1 to 10.<subnet>.254.254. The host number is never 0 or
// 255, and 10.<subnet>.255.y is for the node itself.
const (
	addressRows  = 255
	addressesRow = 254
)

// nodeAddress is the address of a node, which Pods with hostNetwork have too.
func nodeAddress(subnet uint8) string {
	return fmt.Sprintf("10.%d.255.254", subnet)
}

// twin returns the loopback address that serves a Pod address: 127.a.b.c for 10.a.b.c. Every other address is its own
// twin. The API server refuses loopback addresses in EndpointSlices, and 10.a.b.c itself exists nowhere.
func twin(address string) string {
	if rest, ok := strings.CutPrefix(address, "10."); ok {
		return "127." + rest
	}
	return address
}

// ipv6 returns the IPv6 address of a Pod that has one. It is served on the loopback twin of the IPv4 address, since a
// machine has only one IPv6 loopback address, and each Pod needs its own.
func ipv6(address string) string {
	bytes := netip.MustParseAddr(address).As4()
	return netip.AddrFrom16([16]byte{0: 0xfd, 12: bytes[0], 13: bytes[1], 14: bytes[2], 15: bytes[3]}).String()
}

// addressPool hands out Pod addresses. An address that was given back is used again only after the whole range was.
type addressPool struct {
	subnet uint8
	mu     sync.Mutex
	next   int
	used   map[string]bool
}

func newAddressPool(subnet uint8) *addressPool {
	return &addressPool{subnet: subnet, used: map[string]bool{}}
}

// take returns a free address, or the wanted one if that is not empty.
func (p *addressPool) take(wanted string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wanted != "" {
		return wanted, p.takeWanted(wanted)
	}
	for range addressRows * addressesRow {
		address := fmt.Sprintf("10.%d.%d.%d", p.subnet, p.next/addressesRow, p.next%addressesRow+1)
		p.next = (p.next + 1) % (addressRows * addressesRow)
		if !p.used[address] {
			p.used[address] = true
			return address, nil
		}
	}
	return "", fmt.Errorf("all addresses of 10.%d.0.0/16 are used", p.subnet)
}

func (p *addressPool) takeWanted(wanted string) error {
	parsed, err := netip.ParseAddr(wanted)
	if err != nil || twin(wanted) == wanted {
		return fmt.Errorf("%q is not an address in 10.0.0.0/8", parsed)
	}
	if p.used[wanted] {
		return fmt.Errorf("address %s is still used by another Pod", wanted)
	}
	p.used[wanted] = true
	return nil
}

// giveBack makes an address free again.
func (p *addressPool) giveBack(address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, address)
}
