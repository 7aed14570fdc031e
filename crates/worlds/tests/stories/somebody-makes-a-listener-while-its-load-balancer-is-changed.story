Seed 1
# With both replicas down, no task runs when somebody makes a listener, so that it is made; without that, one runs, and it is not.
1. 0.000 s: The cloud is like this: Tasks(60000).	{"dialect":{"tasks":60000}}
2. 0.500 s: A user applies the Deployment web with 1 replicas.	{"workload":{"name":"web","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":20,"gate":true,"broken":false,"otherGate":false}}
3. 0.500 s: A user applies the Service web.	{"service":{"name":"web","annotations":{"service.cloud.tencent.com/direct-access":"true","service.kubernetes.io/tke-existed-lbid":"lb-one"},"spec":{"ports":[{"name":"http","port":8080,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"LoadBalancer"}}}
4. 1.000 s: Replica 0 crashes, and starts after 100 s.	{"fault":{"crash":[0,100]}}
5. 1.000 s: Replica 1 crashes, and starts after 100 s.	{"fault":{"crash":[1,100]}}
6. 60.000 s: Somebody makes a listener on port 9000 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9000}}}
