Seed 1
1. 0.020 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.020 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 3.030 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 5.800 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
5. 7.890 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 21.280 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"type":"ClusterIP"}}}
7. 26.910 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
8. 56.290 s: A user deletes the Service web.	{"deleteService":"web"}
9. 63.290 s: A user rolls out a new version of the Deployment web.	{"rollout":"web"}
