Seed 2001578
1. 1.049 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":443,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
2. 1.049 s: A user applies the DirectAccessBinding api.	{"binding":{"name":"api","spec":{"loadBalancer":{"id":"lb-two"},"serviceRef":{"name":"api"}}}}
3. 249.623 s: The next 16 calls of CreateListener meet Error { code: "RequestLimitExceeded", message: "not now" }.	{"fault":{"calls":{"action":"CreateListener","count":16,"effect":{"error":{"code":"RequestLimitExceeded","message":"not now"}}}}}
4. 279.306 s: A user applies the Service api.	{"service":{"name":"api","annotations":{},"spec":{"ports":[{"name":"http","port":80,"protocol":"TCP","targetPort":8080}],"selector":{"app":"api"},"type":"LoadBalancer"}}}
5. 547.264 s: Somebody renames listener 35.	{"console":{"rename":35}}
