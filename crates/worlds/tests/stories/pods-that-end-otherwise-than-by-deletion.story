# One Pod fails, and its object stays with an address that is another's by then. One is deleted without grace, and one gets another address.
Seed 1
1. 0.500 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.700 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.900 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 180.000 s: Pod 0 fails, and is there on.	{"pod":[0,{"finish":true}]}
5. 300.000 s: A user deletes Pod 1 without grace.	{"pod":[1,"force"]}
6. 420.000 s: Pod 2 gets another address.	{"pod":[2,{"readdress":false}]}
7. 540.000 s: Pod 2 gets another address.	{"pod":[2,{"readdress":true}]}
8. 660.000 s: Pod 0 is deleted.	{"deletePod":0}
