Seed 500327
1. 0.500 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":"metrics"}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
2. 0.500 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"web"}}}}
3. 0.000 s: Somebody makes a listener on port 9000 of load balancer 1.	{"console":{"addListener":{"load_balancer":1,"port":9000}}}
4. 34.394 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"listeners":[{"listenerId":"lbl-wywg9grc","port":9000,"protocol":"TCP"}],"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"web"}}}}
