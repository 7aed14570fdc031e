# The last Pods are kept although they should leave, for as long as nobody mends it: their health was read twice a second.
Seed 1
1. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
2. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 100.000 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"},"network":"GlobalRouter"}}}
