Seed 1
1. 0.000 s: Somebody makes a listener on port 9999 of load balancer 0.	{"console":{"addListener":{"load_balancer":0,"port":9999}}}
2. 0.000 s: Somebody registers a target of their own on listener 0.	{"console":{"addTarget":0}}
3. 4.110 s: A user applies the Service web.	{"service":{"name":"web","annotations":{},"spec":{"ports":[{"port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"web"},"type":"ClusterIP"}}}
4. 5.480 s: A user applies the Deployment web with 1 replicas.	{"workload":{"name":"web","app":"web","replicas":1,"revision":1,"surge":1,"unavailable":0,"grace":30,"preStop":3,"gate":true,"broken":false}}
5. 7.670 s: A user applies the DirectAccessBinding web.	{"binding":{"name":"web","spec":{"autoServiceConfig":false,"deletionPolicy":"Delete","drain":{"lastNotReady":"Keep","notReady":"WeightZero","terminating":"WeightZero","timeoutSeconds":300},"loadBalancer":{"create":{"ipVersion":"IPv4","network":"Public","snatPro":false}},"mode":"Direct","network":"Auto","readinessGate":{"policy":"Healthy"},"serviceRef":{"name":"web"},"suspend":false}}}
6. 17.030 s: Somebody deletes load balancer 1.	{"console":{"removeLoadBalancer":1}}
7. 20.860 s: A user deletes the DirectAccessBinding web.	{"deleteBinding":"web"}
