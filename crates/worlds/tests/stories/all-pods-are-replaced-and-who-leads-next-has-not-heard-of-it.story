Seed 1
1. 0.400 s: A user applies the TkeServiceConfig quick.	{"config":{"name":"quick","spec":{"loadBalancer":{"l4Listeners":[{"protocol":"TCP","port":80,"healthCheck":{"intervalTime":2,"healthNum":2,"timeout":2}},{"protocol":"TCP","port":443,"healthCheck":{"intervalTime":2,"healthNum":2,"timeout":2}}]}}}}
2. 0.500 s: A user applies the workload web.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":0,"unavailable":3,"grace":2,"preStop":0,"gate":true,"broken":false,"otherGate":false}}
3. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
4. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"},"serviceConfigRef":{"name":"quick"}}}}
5. 60.000 s: Replica 0 hears nothing of kind 3 for 20 s.	{"fault":{"stall":[0,3,20]}}
6. 60.500 s: A user rolls out a new version of web.	{"rollout":"web"}
7. 74.000 s: Replica 1 crashes, and starts after 60 s.	{"fault":{"crash":[1,60]}}
