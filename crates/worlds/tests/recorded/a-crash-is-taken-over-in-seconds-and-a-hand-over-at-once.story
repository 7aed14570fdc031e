Seed 1
1. 0.010 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.010 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 10.920 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 15.250 s: A user applies the Deployment web with 2 replicas.	{"workload":{"name":"web","app":"web","replicas":2,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
5. 18.280 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Deregister","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"id":"lb-one"},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 36.770 s: Replica 0 crashes, and starts after 5 s.	{"fault":{"crash":[0,5]}}
7. 41.380 s: A user scales the Deployment web to 3.	{"scale":["web",3]}
8. 88.490 s: Replica 1 crashes, and starts after 5 s.	{"fault":{"crash":[1,5]}}
9. 90.850 s: A user scales the Deployment web to 2.	{"scale":["web",2]}
