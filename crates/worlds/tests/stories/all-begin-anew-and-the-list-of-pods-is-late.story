# Both replicas begin anew, and the list of Pods is late for the one that is to lead: until it has come, no Pod counts as gone.
Seed 1
1. 0.500 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
4. 60.000 s: Replica 1 hears nothing of kind 3 for 90 s.	{"fault":{"stall":[1,3,90]}}
5. 60.100 s: Replica 0 crashes, and starts after 2 s.	{"fault":{"crash":[0,2]}}
6. 60.100 s: Replica 1 crashes, and starts after 2 s.	{"fault":{"crash":[1,2]}}
