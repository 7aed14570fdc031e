Seed 2851
1. 0.792 s: A user applies the Deployment web with 1 replicas.	{"workload":{"name":"web","app":"web","replicas":1,"revision":1,"surge":2,"unavailable":1,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
2. 0.792 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"loadBalancer":{"id":"lb-one"},"serviceRef":{"name":"web"}}}}
3. 36.110 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"name":"http","port":443,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 46.669 s: A user rolls web on to a version that works.	{"broken":["web",false]}
5. 55.446 s: Replica 1 crashes, and starts after 5 s.	{"fault":{"crash":[1,5]}}
6. 55.446 s: The next 6 calls of DescribeTargetHealth meet Error { code: "InternalError", message: "not now" }.	{"fault":{"calls":{"action":"DescribeTargetHealth","count":6,"effect":{"error":{"code":"InternalError","message":"not now"}}}}}
7. 55.446 s: Pod 39 says for 60 s that it is not ready.	{"unready":[39,60]}
