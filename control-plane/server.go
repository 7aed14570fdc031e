package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
)

// defaultPort is served by a container that declares none.
const defaultPort = 8080

// maxDatagram is the largest UDP payload.
const maxDatagram = 65535

// answer is what a server tells about itself: one line of JSON, the same over HTTP and UDP.
type answer struct {
	Pod       string `json:"pod"`
	Namespace string `json:"namespace"`
	Node      string `json:"node"`
	Container string `json:"container"`
	Version   string `json:"version"`
	// Address is the Pod's address and the port that was asked.
	Address string `json:"address"`
	// Client is where the connection came from, as the server sees it.
	Client string `json:"client"`
	// Echo is what was sent, for UDP.
	Echo string `json:"echo,omitempty"`
}

// servers serve every port that a container declares, on the loopback twin of its Pod's address: HTTP for TCP ports, an
// echo for UDP ports.
type servers struct {
	pod      *podView
	spec     v1.Container
	address  string
	nodeName string
	started  time.Time

	mu   sync.Mutex
	http []*http.Server
	udp  []net.PacketConn
}

func newServers(pod *podView, spec v1.Container, address, nodeName string, started time.Time) *servers {
	return &servers{pod: pod, spec: spec, address: address, nodeName: nodeName, started: started}
}

// ports returns what the container serves.
func (s *servers) ports() []v1.ContainerPort {
	if len(s.spec.Ports) == 0 {
		return []v1.ContainerPort{{ContainerPort: defaultPort, Protocol: v1.ProtocolTCP}}
	}
	return s.spec.Ports
}

// listen opens all ports and serves them until kill or finish.
func (s *servers) listen() error {
	for _, port := range s.ports() {
		address := net.JoinHostPort(twin(s.address), strconv.Itoa(int(port.ContainerPort)))
		if port.Protocol == v1.ProtocolUDP {
			conn, err := net.ListenPacket("udp", address)
			if err != nil {
				return err
			}
			s.mu.Lock()
			s.udp = append(s.udp, conn)
			s.mu.Unlock()
			go s.echo(conn, port.ContainerPort)
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		server := &http.Server{Handler: s.handler(port.ContainerPort), ReadHeaderTimeout: time.Minute}
		s.mu.Lock()
		s.http = append(s.http, server)
		s.mu.Unlock()
		go func() { _ = server.Serve(listener) }()
	}
	return nil
}

// kill closes everything at once, also requests in flight.
func (s *servers) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, server := range s.http {
		_ = server.Close()
	}
	for _, conn := range s.udp {
		_ = conn.Close()
	}
}

// finish stops accepting, closes idle connections, and returns when all requests in flight are answered or the context
// has ended.
func (s *servers) finish(ctx context.Context) {
	s.mu.Lock()
	running := s.http
	s.mu.Unlock()
	var all sync.WaitGroup
	for _, server := range running {
		all.Go(func() { _ = server.Shutdown(ctx) })
	}
	all.Wait()
}

func (s *servers) answer(port int32, client net.Addr) answer {
	return answer{
		Pod:       s.pod.name,
		Namespace: s.pod.namespace,
		Node:      s.nodeName,
		Container: s.spec.Name,
		Version:   s.pod.behaviour().version,
		Address:   net.JoinHostPort(s.address, strconv.Itoa(int(port))),
		Client:    fmt.Sprint(client),
	}
}

// handler answers HTTP requests, as the annotations of the Pod say at that moment.
func (s *servers) handler(port int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		b := s.pod.behaviour()
		if b.responseDelay > 0 {
			select {
			case <-time.After(b.responseDelay):
			case <-request.Context().Done():
				return
			}
		}
		if time.Since(s.started) < b.readyDelay {
			http.Error(w, "not ready yet", http.StatusServiceUnavailable)
			return
		}
		if b.fails(request.URL.Path) {
			http.Error(w, "fails as annotated", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.answer(port, textAddr(request.RemoteAddr)))
	})
}

// echo answers datagrams until the socket is closed.
func (s *servers) echo(conn net.PacketConn, port int32) {
	buffer := make([]byte, maxDatagram)
	for {
		n, client, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		reply := s.answer(port, client)
		reply.Echo = string(buffer[:n])
		line, err := json.Marshal(reply)
		if err != nil {
			continue
		}
		_, _ = conn.WriteTo(append(line, '\n'), client)
	}
}

// textAddr is an address that is known as text only.
type textAddr string

// Network implements net.Addr.
func (textAddr) Network() string { return "tcp" }

func (a textAddr) String() string { return string(a) }
