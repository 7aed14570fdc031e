Seed 1
1. 0.030 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.030 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 1.910 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 3.440 s: A user applies the Deployment web with 20 replicas.	{"workload":{"name":"web","app":"web","replicas":20,"revision":1,"surge":5,"unavailable":0,"grace":35,"preStop":5,"gate":true,"broken":false}}
5. 7.980 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 31.170 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
7. 210.370 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
8. 391.860 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
