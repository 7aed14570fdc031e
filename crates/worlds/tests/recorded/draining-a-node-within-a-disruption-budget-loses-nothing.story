# Left out: create of poddisruptionbudgets
Seed 1
1. 0.010 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.010 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 6.280 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 9.770 s: A user applies the Deployment web with 8 replicas.	{"workload":{"name":"web","app":"web","replicas":8,"revision":1,"surge":2,"unavailable":0,"grace":35,"preStop":5,"gate":true,"broken":false}}
5. 15.210 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 46.920 s: Pod 6 is deleted.	{"deletePod":6}
7. 55.090 s: Pod 2 is deleted.	{"deletePod":2}
8. 111.560 s: Pod 6 is deleted.	{"deletePod":6}
9. 111.570 s: Pod 2 is deleted.	{"deletePod":2}
