# A user takes a Pod out of its Service by its label, to look at it. It serves until the Pod that its workload makes does; then its connections are given their time.
# Put back, it is a target again, and its workload deletes one of three.
Seed 1
1. 0.500 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.700 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.900 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 180.000 s: A user takes the label of Pod 0 away.	{"pod":[0,"unlabel"]}
5. 600.000 s: A user puts the label of Pod 0 back.	{"pod":[0,"label"]}
