Seed 1
1. 0.500 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
2. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
3. 10.000 s: Replica 0 hears nothing of kind 0 for 8 s.	{"fault":{"stall":[0,0,8]}}
4. 10.100 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
5. 13.000 s: Somebody deletes the Lease.	{"fault":"deleteLease"}
