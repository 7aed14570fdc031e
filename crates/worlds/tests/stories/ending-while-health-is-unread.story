Seed 100261
1. 0.508 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.508 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
3. 0.508 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"web"}}}}
4. 224.521 s: Pod 18 is deleted.	{"deletePod":18}
5. 224.521 s: Pod 19 is deleted.	{"deletePod":19}
6. 228.194 s: Replica 0 crashes, and starts after 5 s.	{"fault":{"crash":[0,5]}}
7. 228.194 s: Replica 1 crashes, and starts after 6 s.	{"fault":{"crash":[1,6]}}
8. 228.194 s: The next 6 calls of DescribeTargetHealth meet Error { code: "InternalError", message: "not now" }.	{"fault":{"calls":{"action":"DescribeTargetHealth","count":6,"effect":{"error":{"code":"InternalError","message":"not now"}}}}}
9. 228.194 s: Pod 38 says for 60 s that it is not ready.	{"unready":[38,60]}
