# A binding puts its targets into a listener that is named by its id, and changes none of its settings, whatever its config says.
Seed 1
1. 0.000 s: Somebody makes a listener on port 9000 of load balancer 1.	{"console":{"addListener":{"load_balancer":1,"port":9000}}}
2. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
3. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
4. 0.650 s: A user applies the TkeServiceConfig checks.	{"config":{"name":"checks","spec":{"loadBalancer":{"l4Listeners":[{"protocol":"TCP","port":9000,"scheduler":"LEAST_CONN"}]}}}}
5. 30.000 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-two"},"listeners":[{"listenerId":"lbl-wywg9grc","port":9000,"protocol":"TCP"}],"serviceConfigRef":{"name":"checks"}}}}
