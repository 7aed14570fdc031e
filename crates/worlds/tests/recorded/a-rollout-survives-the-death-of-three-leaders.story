Seed 1
1. 0.060 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.060 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 3.280 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 5.390 s: A user applies the Deployment web with 6 replicas.	{"workload":{"name":"web","app":"web","replicas":6,"revision":1,"surge":3,"unavailable":0,"grace":60,"preStop":30,"gate":true,"broken":false}}
5. 12.040 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 32.180 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
7. 32.420 s: Replica 0 crashes, and starts after 1 s.	{"fault":{"crash":[0,1]}}
8. 32.420 s: Replica 1 crashes, and starts after 1 s.	{"fault":{"crash":[1,1]}}
9. 75.900 s: Replica 0 crashes, and starts after 1 s.	{"fault":{"crash":[0,1]}}
10. 75.900 s: Replica 1 crashes, and starts after 1 s.	{"fault":{"crash":[1,1]}}
11. 120.920 s: Replica 0 crashes, and starts after 1 s.	{"fault":{"crash":[0,1]}}
12. 120.920 s: Replica 1 crashes, and starts after 1 s.	{"fault":{"crash":[1,1]}}
