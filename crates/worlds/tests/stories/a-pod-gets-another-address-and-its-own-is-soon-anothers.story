# The sandbox of a Pod is made anew, so that it gets another address, and a Pod that comes gets the one that it had. Then another one gets
# the address of a Pod that is just gone, and in whose place none comes, while the leader stands still. Each target is of the Pod that was
# there before, and is registered anew for who is there now.
Seed 1
1. 0.500 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 60.000 s: Pod 0 gets another address.	{"pod":[0,{"readdress":false}]}
5. 60.010 s: A user scales web to 4.	{"scale":["web",4]}
6. 195.000 s: A user takes the label of Pod 1 away.	{"pod":[1,"unlabel"]}
7. 199.990 s: Replica 1 stands still for 6 s.	{"fault":{"freeze":[1,6]}}
8. 200.000 s: A user deletes Pod 1 without grace.	{"pod":[1,"force"]}
9. 200.001 s: Pod 2 gets another address.	{"pod":[2,{"readdress":false}]}
