# Who begins to lead knows no health, and takes nobody's weight, although another binding has gone long before.
Seed 1
1. 0.500 s: A user applies the Deployment web with 3 replicas.	{"workload":{"name":"web","app":"web","replicas":3,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
2. 0.600 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"web"},"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}]}}}
3. 0.700 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"serviceRef":{"name":"web"},"loadBalancer":{"id":"lb-one"}}}}
4. 0.800 s: A user applies the Deployment api with 1 replicas.	{"workload":{"name":"api","app":"api","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false}}
5. 0.900 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"type":"LoadBalancer","selector":{"app":"api"},"ports":[{"name":"http","port":8080,"protocol":"TCP","targetPort":8080}]}}}
6. 1.000 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"serviceRef":{"name":"api"},"loadBalancer":{"id":"lb-two"}}}}
7. 150.000 s: A user deletes the DirectAccessBinding api.	{"deleteBinding":"api"}
8. 400.000 s: Replica 0 crashes, and starts after 2 s.	{"fault":{"crash":[0,2]}}
9. 400.000 s: Replica 1 crashes, and starts after 3 s.	{"fault":{"crash":[1,3]}}
10. 400.000 s: The next 5 calls of DescribeTargetHealth meet Error { code: "InternalError", message: "not now" }.	{"fault":{"calls":{"action":"DescribeTargetHealth","count":5,"effect":{"error":{"code":"InternalError","message":"not now"}}}}}
11. 400.000 s: Pod 1 says for 90 s that it is not ready.	{"unready":[1,90]}
