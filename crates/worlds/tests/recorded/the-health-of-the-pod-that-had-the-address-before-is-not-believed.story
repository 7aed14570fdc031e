Seed 1
1. 0.080 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.090 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 2.370 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 3.820 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
5. 6.600 s: A user applies the Deployment former with 1 replicas.	{"workload":{"name":"former","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":0,"gate":true,"broken":false}}
6. 93.800 s: Replica 0 crashes, and starts after 16 s.	{"fault":{"crash":[0,16]}}
7. 93.800 s: Replica 1 crashes, and starts after 16 s.	{"fault":{"crash":[1,16]}}
8. 95.330 s: A user deletes the Deployment former.	{"deleteWorkload":"former"}
9. 108.660 s: A user applies the Deployment latter with 1 replicas.	{"workload":{"name":"latter","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":0,"gate":true,"broken":false}}
