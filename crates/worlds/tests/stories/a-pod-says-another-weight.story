# What a Pod says of its weight is followed while it serves: 0 at once, however few serve; then 50; and what nobody can read changes nothing.
Seed 1
1. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.700 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.900 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 180.000 s: A user gives Pod 0 the weight "0".	{"pod":[0,{"weigh":"0"}]}
5. 300.000 s: A user gives Pod 0 the weight "50".	{"pod":[0,{"weigh":"50"}]}
6. 420.000 s: A user gives Pod 0 the weight "a lot".	{"pod":[0,{"weigh":"a lot"}]}
7. 540.000 s: A user takes the weight of Pod 0 back.	{"pod":[0,{"weigh":null}]}
